import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type RedisStoreOptions, redisStore } from '#src/store/redis.js'
import type { Store } from '#src/store/store.js'
import { fakeClock } from '#src/testing/fake-clock.js'
import { event, fill, put, query } from '#src/testing/store-contract/kit.js'
import { noRedis, type RedisServer, startRedis } from '../fixtures/redis.js'

const sweep = { limit: 100, pauseMs: 60_000 }

const overdue = (topic: string) => ({
  events: [],
  states: [{ topic, expect: 0, value: '{}', deadline: { afterMs: 1, lease: false } }],
})

describe.skipIf(noRedis)(`sweeps of Redis${noRedis ? ` (${noRedis})` : ''}`, () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server?.stop())

  async function opened(options: Partial<RedisStoreOptions> = {}): Promise<Store> {
    await server.command('FLUSHALL')
    const store = redisStore({ url: server.url, ...options })
    await store.open()
    onTestFinished(() => store.close())
    return store
  }
  /** What is kept of the topic is no record any more. */
  async function damage(key: string): Promise<void> {
    await server.command('DEL', key)
    await server.command('SET', key, 'damaged')
  }

  test('J6: a namespace that is damaged holds up no deadline of another, and is told once', async () => {
    const told: string[] = []
    const store = await opened({ onError: (error) => told.push(error.message) })
    await store.due(sweep)
    await put(store, overdue('job:a'), 'bad')
    const [due = ''] = (await server.command('KEYS', '*:due')) as string[]
    await put(store, overdue('job:b'), 'good')
    await damage(due)
    await new Promise((resolve) => setTimeout(resolve, 5))
    for (let round = 0; round < 3; round++) {
      expect((await store.due(sweep)).map(({ namespace, topic }) => [namespace, topic])).toEqual([['good', 'job:b']])
    }
    expect(told).toHaveLength(1)
    expect(told[0]).toMatch(/"bad".*WRONGTYPE/)
    await store.maintain()
    // Where nothing at all could be asked, whoever sweeps hears of it.
    const [other = ''] = ((await server.command('KEYS', '*:due')) as string[]).filter((key) => key !== due)
    await damage(other)
    await expect(store.due(sweep)).rejects.toMatchObject({ code: 'internal' })
  })

  test('S6: a namespace that fell out of the list while Redis lost its newest writes is listed again', async () => {
    const store = await opened()
    await put(store, event('a'))
    await server.command('SREM', 'tidings:namespaces', 'n')
    // As a restart does: the fence is of another run.
    const [meta = ''] = (await server.command('KEYS', '*:meta')) as string[]
    await server.command('HSET', meta, 'fence', 'other', 'pair', 'other')
    await put(store, event('a'))
    expect(await server.command('SMEMBERS', 'tidings:namespaces')).toEqual(['n'])
  })

  test('S4: of a log that Redis threw away, readers before its end hear', async () => {
    const clock = fakeClock()
    const store = await opened({ clock, retention: { ageMs: 3_600_000 } })
    await fill(store, 'a', 6)
    await clock.advance(2_000_000)
    await store.maintain()
    await fill(store, 'a', 6)
    const { epoch } = await store.head('n')
    const [log = ''] = (await server.command('KEYS', '*:log:a')) as string[]
    await server.command('DEL', log)
    await clock.advance(2_000_000)
    await store.maintain()
    const { gaps } = await store.read('n', query('a', { epoch, seq: 8 }))
    expect(gaps).toEqual([{ reason: 'expired', topics: ['a'] }])
  })
})
