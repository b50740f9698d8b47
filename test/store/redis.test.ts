import fc from 'fast-check'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type RedisStoreOptions, redisStore } from '#src/store/redis.js'
import type { Store } from '#src/store/store.js'
import { event, fill, Listener, put, query, seqs } from '#src/testing/store-contract/kit.js'
import { noRedis, type RedisServer, startRedis } from '../fixtures/redis.js'
import { redisProxy } from '../fixtures/redis-proxy.js'

describe.skipIf(noRedis)(`the Redis store${noRedis ? ` (${noRedis})` : ''}`, () => {
  let server: RedisServer
  let admin: Redis
  beforeAll(async () => {
    server = await startRedis()
    admin = new Redis(server.url)
  })
  afterAll(async () => {
    await admin?.quit()
    await server?.stop()
  })

  async function opened(options: Partial<RedisStoreOptions> = {}): Promise<Store> {
    await admin.flushall()
    const store = redisStore({ url: server.url, ...options })
    await store.open()
    onTestFinished(() => store.close())
    return store
  }
  const subscribers = async (): Promise<number> =>
    ((await admin.call('CLIENT', 'LIST', 'TYPE', 'pubsub')) as string).split('\n').filter(Boolean).length
  const channels = async (): Promise<string[]> => (await admin.call('PUBSUB', 'CHANNELS')) as string[]
  const calls = async (): Promise<Map<string, number>> =>
    new Map(
      [...(await admin.info('commandstats')).matchAll(/cmdstat_(\S+?):calls=(\d+)/g)].map(([, name = '', count]) => [
        name,
        Number(count),
      ]),
    )

  test('D3: an append tried before the oldest id that is remembered is not carried out, unless its id is known', async () => {
    const store = await opened({ idWindow: { ids: 8 } })
    const late = event('a', { id: 'late' })
    const tried = (given: ReturnType<typeof event>, triedMs: number) => store.append('n', { events: [given], triedMs })
    // Nothing was ever forgotten here.
    expect(await tried(event('a', { id: 'first' }), 10_000)).toMatchObject({ outcome: 'stored' })
    expect(await tried(event('a', { id: 'old' }), 400_000)).toEqual({ outcome: 'forgotten' })
    for (let count = 0; count < 40; count++) await put(store, event('a'))
    await put(store, late)
    expect(await tried(late, 10_000)).toMatchObject({ outcome: 'stored', events: [{ duplicate: true }] })
    expect(await tried(event('a', { id: 'first' }), 10_000)).toEqual({ outcome: 'forgotten' })
    expect((await store.read('n', query('a', 'start'))).events).toHaveLength(42)
  })

  test('S3: one subscriber connection and one channel a namespace, however many follow; gone when nobody does', async () => {
    const store = await opened()
    expect(await channels()).toEqual([])
    const followings = await Promise.all(
      ['m', 'm', 'm', 'n', 'n'].map((namespace) => store.follow(namespace, new Listener())),
    )
    expect(await subscribers()).toBe(1)
    expect((await channels()).length).toBe(2)
    for (const following of followings) following.close()
    await expect.poll(channels).toEqual([])
    // And one that comes while the last goes is heard.
    const first = await store.follow('n', new Listener())
    first.close()
    const listener = new Listener()
    const second = await store.follow('n', listener)
    await put(store, event('a'))
    await listener.until(() => listener.heard.length === 1)
    second.close()
    await expect.poll(channels).toEqual([])
  })

  test('S3: a publish is at most one call of a script, and publishes at once share one; nothing is asked for a follower', async () => {
    const store = await opened()
    const followings = await Promise.all(Array.from({ length: 50 }, () => store.follow('n', new Listener())))
    await admin.config('RESETSTAT')
    for (let at = 0; at < 10; at++) await put(store, event('a', { fresh: true }))
    expect((await calls()).get('evalsha')).toBe(10)
    await admin.config('RESETSTAT')
    await fill(store, 'a', 1_000, { fresh: true })
    const counted = await calls()
    expect(counted.get('evalsha')).toBeLessThanOrEqual(30)
    expect(counted.get('publish')).toBe(counted.get('evalsha'))
    const sent = new Set(['evalsha', 'info', 'config|resetstat', 'publish', 'time', 'hmget', 'hset', 'rpush', 'hget'])
    const trimming = ['lrange', 'ltrim', 'hdel', 'zadd']
    expect([...counted.keys()].filter((name) => !sent.has(name) && !trimming.includes(name))).toEqual([])
    for (const following of followings) following.close()
  })

  test('S3: appends with many topics share no call: none holds the server for long', async () => {
    const store = await opened()
    await put(store, event('a'))
    await admin.config('RESETSTAT')
    const topics = (at: number) => Array.from({ length: 100 }, (_, nth) => `t${at}-${nth}`)
    await Promise.all(Array.from({ length: 50 }, (_, at) => put(store, event(topics(at)))))
    const counted = await calls()
    expect(counted.get('evalsha')).toBeGreaterThanOrEqual(5)
    // And what is the same for all topics is looked up once a call.
    expect(counted.get('hget')).toBeLessThanOrEqual(2 * (counted.get('evalsha') ?? 0))
  })

  test('D1: whatever is appended at once, by bytes and by number, is numbered in the order of the calls', async () => {
    const store = await opened()
    const sizes = fc.array(fc.constantFrom(10, 10, 10, 3_000, 100_000), { minLength: 1, maxLength: 200 })
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(3), async (bodies, pauses) => {
        const before = (await store.head('n')).seq
        const results = []
        for (const [at, size] of bodies.entries()) {
          results.push(put(store, event('a', { fresh: at % 2 === 0, body: `"data":"${'x'.repeat(size)}"` })))
          if (pauses > 0 && at % 37 === 0) await new Promise((resolve) => setImmediate(resolve))
        }
        const answers = (await Promise.all(results)).flatMap(({ events }) => seqs(events))
        expect(answers).toEqual(bodies.map((_, at) => before + 1 + at))
      }),
      { numRuns: 12 },
    )
  })

  test('S3: an announcement above 8 KiB names its topics and leaves the event to a read', async () => {
    const store = await opened()
    const listener = new Listener()
    await store.follow('n', listener)
    const large = event(['a', 'b'], { body: `"data":"${'x'.repeat(9_000)}"` })
    await Promise.all([put(store, event('a')), put(store, large), put(store, event('a'))])
    await listener.until(() => listener.heard.length === 3)
    expect(listener.heard.map(({ seq, topics, event: told }) => [seq, topics, told?.id !== undefined])).toEqual([
      [1, ['a'], true],
      [2, ['a', 'b'], false],
      [3, ['a'], true],
    ])
    expect((await store.read('n', query('b', 'start'))).events[0]?.body).toBe(large.body)
  })

  test('D7: announcements that were lost on the way show as a hole in front of the next', async () => {
    const proxy = await redisProxy(server.port)
    onTestFinished(() => proxy.close())
    const store = await opened({ url: proxy.url })
    const listener = new Listener()
    await store.follow('n', listener)
    await put(store, event('a'))
    await listener.until(() => listener.heard.length === 1)
    const line = proxy.lines.find(({ subscribes }) => subscribes)
    if (!line) throw new Error('no subscriber')
    line.loses = true
    await fill(store, 'a', 3)
    // What was announced before this answer has reached the proxy by now.
    await store.follow('m', new Listener())
    line.loses = false
    await put(store, event('a'))
    await listener.until(() => listener.heard.length === 2)
    expect(listener.heard.map(({ seq, prev }) => [seq, prev])).toEqual([
      [1, 0],
      [5, 4],
    ])
  })

  test('S3: a subscription that is cut is made again: followers hear of the break, then where it goes on', async () => {
    const store = await opened()
    const listeners = [new Listener(), new Listener()]
    for (const [at, listener] of listeners.entries()) await store.follow(`n${at}`, listener)
    for (let round = 1; round <= 3; round++) {
      for (const at of listeners.keys()) await put(store, event('a'), `n${at}`)
      await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
      for (const listener of listeners) {
        await listener.until(() => listener.interruptions === round)
        await listener.until(() => listener.probes.includes(round))
      }
    }
    expect(await subscribers()).toBe(1)
  })

  test('S5: of a lost command connection, followers hear nothing wrong and the next append is done', async () => {
    const store = await opened()
    const listener = new Listener()
    await store.follow('n', listener)
    const changes: boolean[] = []
    const back = new Promise<void>((resolve) =>
      store.availability?.watch((available) => {
        changes.push(available)
        if (available) resolve()
      }),
    )
    await admin.call('CLIENT', 'KILL', 'TYPE', 'normal')
    await back
    expect(changes).toEqual([false, true])
    await put(store, event('a'))
    await listener.until(() => listener.heard.length === 1)
    expect(listener.interruptions).toBe(0)
  })

  test('E7: what is told reaches the followers of the namespace on other nodes, and no one else', async () => {
    const [here, there] = [await opened(), redisStore({ url: server.url })]
    await there.open()
    onTestFinished(() => there.close())
    const told: string[] = []
    const follower = (name: string) => ({
      announced() {},
      interrupted() {},
      probed() {},
      told: (text: string) => void told.push(`${name} ${text}`),
    })
    await here.follow('n', follower('here'))
    await there.follow('n', follower('there'))
    await there.follow('m', follower('elsewhere'))
    await here.others?.tell('n', 'e one\n two')
    await expect.poll(() => told).toEqual(['there e one\n two'])
  })

  test('S3: scripts that somebody flushed are loaded again, and the order is kept', async () => {
    const store = await opened()
    await put(store, event('a'))
    await admin.script('FLUSH')
    const results = await Promise.all(Array.from({ length: 300 }, () => put(store, event('a'))))
    expect(results.flatMap(({ events }) => seqs(events))).toEqual(Array.from({ length: 300 }, (_, at) => at + 2))
    await admin.script('FLUSH')
    expect((await store.head('n')).seq).toBe(301)
    await admin.script('FLUSH')
    expect((await store.head('another')).seq).toBe(0)
  })

  test('fault 16: out of memory is a clear error with nothing half done; reading and tidying go on', async () => {
    const store = await opened()
    await put(store, { events: [event('a')], states: [{ topic: 'job:1', expect: 0, value: 'v' }] })
    await admin.config('SET', 'maxmemory', '1mb')
    onTestFinished(async () => void (await admin.config('SET', 'maxmemory', '0')))
    const both = { events: [event('a'), event(['b', 'c'])], states: [{ topic: 'job:1', expect: 1, value: 'w' }] }
    for (const append of [both, { events: [event('a')] }, { events: [], commands: [{ id: 'c', digest: '' }] }]) {
      await expect(store.append('n', append)).rejects.toMatchObject({
        code: 'store_full',
        status: 507,
        retryable: true,
      })
    }
    expect((await store.read('n', query(['a', 'b', 'c'], 'start'))).events.length).toBe(1)
    expect((await store.state('n', 'job:1')).state).toMatchObject({ version: 1, value: 'v' })
    await store.maintain()
    await store.due({ limit: 1, pauseMs: 1 })
    await store.erase('n', 'a')
    expect((await store.head('n')).seq).toBe(1)
    expect(store.availability?.available).toBe(true)
    await admin.config('SET', 'maxmemory', '0')
    expect((await put(store, both)).position.seq).toBe(3)
  })

  test('S5: where Redis wants more replicas than there are, appends are refused with nothing done', async () => {
    const store = await opened()
    await put(store, event('a'))
    await admin.config('SET', 'min-replicas-to-write', '1')
    onTestFinished(async () => void (await admin.config('SET', 'min-replicas-to-write', '0')))
    await expect(store.append('n', { events: [event('a')] })).rejects.toMatchObject({ code: 'store_read_only' })
    expect((await store.head('n')).seq).toBe(1)
  })

  test('S4: topics and states that came and went leave no keys behind', async () => {
    const store = await opened()
    await put(store, event('stays'))
    const before = (await admin.keys('*')).sort()
    for (let at = 0; at < 200; at++) {
      const topic = `job:${at}`
      const deadline = { afterMs: 1_000, lease: true }
      await put(store, {
        events: [event([topic, 'jobs:1'])],
        states: [{ topic, expect: 0, value: 'x', group: 'user:1', deadline }],
      })
      await put(store, { events: [], states: [{ topic, expect: 1, value: null }] })
    }
    await store.erase('n', 'jobs:1')
    expect((await admin.keys('*')).sort()).toEqual(before)
    const [base = ''] = (await admin.keys('*:meta')).map((key) => key.slice(0, -':meta'.length))
    expect(await admin.hlen(`${base}:events`)).toBe(1)
    const { bytes } = await store.describe('n', 'stays')
    expect(await admin.hget(`${base}:meta`, 'bytes')).toBe(String(bytes))
  })
})
