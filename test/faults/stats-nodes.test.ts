import { describe, expect, onTestFinished, test } from 'vitest'
import type { Hub } from '#src/index.js'
import { readStream } from '#src/testing/sse-reader.js'
import { noRedis, redisForTest } from '../fixtures/redis.js'
import { eventually, openHub, storeOn } from './redis-bench.js'

const sessions = (request: Request) => JSON.parse(request.headers.get('x-session') ?? 'null')

async function open(hub: Hub, session: object, topics: string[]) {
  const reader = await readStream(hub, { headers: { 'x-session': JSON.stringify(session) }, topics })
  onTestFinished(() => reader.close())
  await reader.control('hello')
  return reader
}

describe.skipIf(noRedis)('figures of several nodes', () => {
  test('O2, O3 [P11.14]: any node tells of all: sums are added, people and sessions on two nodes are counted once', async () => {
    const { url } = await redisForTest()
    const hubs: Hub[] = []
    for (let node = 0; node < 2; node++) hubs.push((await openHub(storeOn(url), { authenticate: sessions })).hub)
    const [one, two] = hubs as [Hub, Hub]
    await eventually('they know each other', () =>
      hubs.every(({ internals }) => internals.core.control.nodes.others.length === 1),
    )
    const person = { userId: '7', sessionId: 's7' }
    const here = await open(one, person, ['user:7', 'all'])
    const there = await open(two, person, ['user:7', 'all'])
    await open(two, { userId: '8', sessionId: 's8' }, ['user:8'])
    await one.publish({ topic: 'user:7', type: 'x', data: 1 })
    await two.publish({ to: { all: true }, type: 'y', data: 2 })
    for (const reader of [here, there]) {
      await reader.next()
      await reader.next()
    }
    await expect.poll(async () => (await one.statistics()).latency.feed.count, { timeout: 5_000 }).toBe(4)
    for (const hub of hubs) {
      const stats = await hub.statistics()
      expect(stats.nodes.map(({ id }) => id).sort()).toEqual(
        hubs.map(({ internals }) => internals.core.control.nodes.id).sort(),
      )
      expect(stats).toMatchObject({
        connections: { open: 3, opened: 3, byTransport: { sse: 3 } },
        events: { published: 2, stored: 2, broadcasts: 1, delivered: 4 },
        unique: { users: 2, sessions: 2 },
        sessions: [
          { name: 's7', user: '7', connections: 2, sent: 4 },
          { name: 's8', connections: 1 },
        ],
      })
      // Of the four deliveries each node could time those of its own event from its append: one here, one there.
      expect(stats.latency.delivery.count).toBe(2)
      expect(stats.events.byType.map(({ type }) => type).sort()).toEqual(['x', 'y'])
      expect((await hub.connections.list()).connections).toHaveLength(3)
    }
    await two.close({ drainMs: 0 })
    await eventually('it is gone from the figures', async () => (await one.statistics()).nodes.length === 1)
  })
})
