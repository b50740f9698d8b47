import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { noRedis, type RedisServer, redisForTest } from '../fixtures/redis.js'
import { audit } from './auditor.js'
import { positionOf } from './history.js'
import { logOf, NotingPublisher } from './noting-publisher.js'
import { NotingReader } from './noting-reader.js'
import { ask, eventually, openHub, storeOn, untilAvailable } from './redis-bench.js'

const topics = ['a', 'b']

const ways: readonly (readonly [string, (server: RedisServer) => Promise<void>])[] = [
  ['FLUSHALL', async (server) => void (await server.command('FLUSHALL'))],
  [
    'started again with an empty folder',
    async (server) => {
      await server.kill()
      await rm(join(server.folder, 'appendonlydir'), { recursive: true })
      await server.start()
    },
  ],
]

describe.skipIf(noRedis)('a Redis that lost everything', () => {
  for (const [what, empty] of ways) {
    test(`S5, D4: ${what}: a new epoch, a gap "epoch" for everybody, and nobody is stuck`, async () => {
      const server = await redisForTest({ keeps: 'log' })
      const probeMs = 1_000
      const store = storeOn(server.url, { probeMs })
      const { hub } = await openHub(store, { probeMs })
      const other = storeOn(server.url, { probeMs })
      const { hub: otherHub } = await openHub(other, { probeMs })
      const live = [hub, otherHub].map((each, at) => new NotingReader(each, `live ${at}`, topics))
      const away = new NotingReader(hub, 'away', topics)
      const quiet = new NotingReader(hub, 'quiet', ['nothing', 'job:j'])
      let turn = 0
      const publisher = new NotingPublisher('p', () => [topics[turn++ % 2] as string])
      await ask(hub, '/jobs', { id: 'j', owner: 'user:root', kind: 'k' })
      await ask(hub, '/jobs/j', { increment: { processed: 7 } }, 'PATCH')
      for (let n = 0; n < 50; n++) await publisher.publish(store)
      const last = publisher.publishes.at(-1)?.id as string
      await Promise.all([...live, away].map((reader) => reader.until(() => reader.has(last))))
      await quiet.until(() => quiet.events.length >= 2)
      away.hangUp()
      const before = (await store.head('default')).epoch

      await empty(server)
      await untilAvailable(store)
      await untilAvailable(other)
      // Nobody publishes: the nodes find out by themselves, and tell whoever is there.
      await Promise.all([...live, quiet].map((reader) => reader.until(() => reader.gaps.length > 0)))
      expect([...live, quiet].map(({ gaps }) => gaps)).toEqual([['epoch'], ['epoch'], ['epoch']])
      expect((await store.head('default')).epoch).not.toBe(before)
      expect((await ask(hub, '/jobs/j')).status).toBe(404)

      for (let n = 0; n < 50; n++) await publisher.publish(n % 2 === 0 ? store : other)
      const newest = publisher.publishes.at(-1)?.id as string
      const back = new NotingReader(otherHub, 'away', topics, { lastEventId: away.lastEventId })
      await Promise.all([...live, back].map((reader) => reader.until(() => reader.has(newest))))
      expect(back.gaps).toEqual(['epoch'])

      // A job of that name is another job, and its reader hears of it on the stream that stayed.
      expect((await ask(hub, '/jobs', { id: 'j', owner: 'user:root', kind: 'k' })).status).toBe(201)
      const count = quiet.events.length
      await ask(otherHub, '/jobs/j', { increment: { processed: 1 } }, 'PATCH')
      await quiet.until(() => quiet.events.length >= count + 2)
      expect(quiet.connects).toBe(1)

      const returned = { topics, name: 'away', layer: 'wire' as const, notes: [...away.notes, ...back.notes] }
      expect(
        audit({
          publishes: publisher.publishes,
          readers: [...live, returned],
          losses: [{ kind: 'epoch', epoch: before }],
          log: await logOf(store, topics),
        }),
      ).toEqual([])
    })
  }

  test('J6, fault 18: a job whose state is gone is unknown to its worker at once, not pending for ever', async () => {
    const server = await redisForTest()
    const store = storeOn(server.url)
    const { hub } = await openHub(store)
    const created = await ask(hub, '/jobs', { id: 'j', owner: 'user:root', kind: 'k' })
    expect(created.status).toBe(201)
    await ask(hub, '/jobs/j', { increment: { processed: 1 } }, 'PATCH')
    await server.command('FLUSHALL')
    const answer = await ask(hub, '/jobs/j', { increment: { processed: 1 } }, 'PATCH')
    expect([answer.status, answer.body.code]).toEqual([404, 'not_found'])
    expect((await ask(hub, '/jobs/j/complete', {})).status).toBe(404)
    expect((await ask(hub, '/jobs')).body.jobs).toEqual([])
  })

  test('fault 23: scripts that Redis no longer knows are sent again, under load', async () => {
    const server = await redisForTest()
    const store = storeOn(server.url)
    const { hub } = await openHub(store)
    const reader = new NotingReader(hub, 'reader', ['a'])
    const publishers = Array.from({ length: 8 }, (_, at) => new NotingPublisher(`p${at}`, () => ['a']))
    let over = false
    const running = publishers.map(async (publisher) => {
      while (!over) await publisher.publish(store)
    })
    for (let flush = 0; flush < 10; flush++) {
      const count = publishers.flatMap((each) => each.publishes).length
      await eventually('it goes on', () => publishers.flatMap((each) => each.publishes).length > count + 40)
      await server.command('SCRIPT', 'FLUSH')
    }
    over = true
    await Promise.all(running)
    const publishes = publishers.flatMap((each) => each.publishes)
    expect(publishes.filter(({ outcome }) => outcome !== 'acknowledged')).toEqual([])
    const log = await logOf(store, ['a'])
    await reader.until(() => reader.has(log.at(-1)?.id as string))
    expect(audit({ publishes, readers: [reader], log })).toEqual([])
    expect(new Set(log.map(({ cursor }) => positionOf(cursor).epoch)).size).toBe(1)
  })
})
