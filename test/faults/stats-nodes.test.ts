import { describe, expect, onTestFinished, test } from 'vitest'
import type { Hub } from '#src/index.js'
import { hubNamespace } from '#src/hub/nodes.js'
import { readStream } from '../fixtures/stream.js'
import { noRedis, redisForTest } from '../fixtures/redis.js'
import { ask, eventually, openHub, openStore, storeOn } from './redis-bench.js'

const sessions = (request: Request) => JSON.parse(request.headers.get('x-session') ?? 'null')

async function open(hub: Hub, session: object, topics: string[]) {
  const reader = await readStream(hub, { headers: { 'x-session': JSON.stringify(session) }, topics })
  onTestFinished(() => reader.close())
  await reader.control('hello')
  return reader
}

describe.skipIf(noRedis)('figures of several nodes', () => {
  test('O1, O2, O3 [P11.14, P11.19, P11.20]: any node tells of all: sums are added, people and sessions on two nodes are counted once', async () => {
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
    await expect.poll(async () => (await one.statistics()).latency.feed.count).toBe(4)
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
          {
            name: 's7',
            user: '7',
            connections: 2,
            sent: 4,
            byType: [
              { type: 'x', count: 2 },
              { type: 'y', count: 2 },
            ],
          },
          { name: 's8', connections: 1 },
        ],
      })
      // Of the four deliveries each node could time those of its own event from its append: one here, one there.
      expect(stats.latency.delivery.count).toBe(2)
      expect(stats.events.byType.map(({ type }) => type).sort()).toEqual(['x', 'y'])
      expect((await hub.connections.list()).connections).toHaveLength(3)
      const { activity, topicList } = hub.internals.core
      const came = (await activity.read({ namespace: 'default', ofHub: true, kind: 'connected', limit: 100 })).entries
      expect(new Set(came.map(({ node }) => node)).size).toBe(2)
      expect(came).toHaveLength(3)
      const { topics, readers } = await topicList.read('default', { limit: 10 })
      const byTopic = Object.fromEntries(topics.map(({ topic }, at) => [topic, readers[at]]))
      expect(byTopic).toEqual({ 'user:7': 2, all: 2 })
    }
    await two.close({ drainMs: 0 })
    await eventually('it is gone from the figures', async () => (await one.statistics()).nodes.length === 1)
  })
})

/** A node of another version: it says that it is there, and answers what it is asked with what `answers` holds. */
async function otherVersion(url: string, answers: Readonly<Record<string, unknown>>): Promise<string> {
  const store = await openStore(url)
  const from = 'of-another-version'
  const tell = (message: object): void =>
    void store.others?.tell(hubNamespace, JSON.stringify({ ...message, from })).catch(() => {})
  const following = await store.follow(hubNamespace, {
    announced: () => {},
    interrupted: () => {},
    probed: () => {},
    told: (words) => {
      const { kind, ask } = JSON.parse(words) as { kind: string; ask?: string }
      if (kind === 'here' || kind === 'who') tell({ kind: 'here' })
      if (ask !== undefined && kind in answers) tell({ kind, answers: ask, body: answers[kind] })
    },
  })
  onTestFinished(() => following.close())
  tell({ kind: 'here' })
  return from
}

/** Paths of what is no finite number, and of nothing where something has to be. */
function unsound(value: unknown, path = ''): string[] {
  if (typeof value === 'number') return Number.isFinite(value) ? [] : [path]
  if (value === undefined) return [path]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, part]) => unsound(part, `${path}.${name}`))
}

describe.skipIf(noRedis)('figures of nodes of another version', () => {
  const older = {
    node: { id: 'of-another-version', uptimeMs: 5, store: 'redis' },
    counters: { opened: 2, closed: 'many' },
    histograms: { delivery: { counts: [1, 2, 3], sum: 1 } },
    points: [null, { at: 'now' }, { at: 1_000, connections: 2 }],
    step: 1,
  }
  const newer = {
    ...older,
    counters: { opened: 2, closedBy: { moved: 3, gone: { here: 1 } }, telepathy: { sent: 1 } },
    gauges: { connections: 7 },
    matrix: { connected: { sse: 7, quic: 3 }, dreaming: { sse: 1 } },
    histograms: { delivery: null, telepathy: {} },
    distinct: { users: 4, sessions: null },
    durationsMs: [12, '13', null],
    types: { names: [{ name: 'x', total: 4 }, { total: 3 }, null], rest: null },
    sessions: [{ name: 's9', connections: 7, user: { id: 9 }, byType: [{ type: 'x', count: 'many' }, 7] }, 'all'],
    addresses: {},
    limitsRefused: { 'connections.mind': 1, publishes: 'none' },
    jobs: [1, 2],
    points: {},
  }
  const withoutId = { histograms: null, points: null, counters: null }
  for (const [name, stats, sums] of [
    ['older', older, { connections: { opened: 2 }, durations: { count: 0 } }],
    [
      'newer',
      newer,
      { connections: { open: 7, byState: { connected: 7 } }, events: { byType: [{ type: 'x', count: 4 }] } },
    ],
    ['nameless', withoutId, { connections: { opened: 0 } }],
  ] as const) {
    test(`H9, O3 [P11.14]: beside ${name === 'nameless' ? 'one that tells nothing of itself' : `one that is ${name}`}, figures and lists are answered: what it does not tell adds nothing`, async () => {
      const { url } = await redisForTest()
      const { hub, errors } = await openHub(storeOn(url), {
        authenticate: () => ({ userId: 'root', subscribe: ['*'], publish: ['*'], admin: true }),
      })
      const reports = [null, 'one', {}, { id: 'c1', since: 1 }, { id: 7 }]
      const from = await otherVersion(url, { stats, list: reports, closed: reports })
      await eventually('they know each other', () => hub.internals.core.control.nodes.others.includes(from))
      for (const step of [1, 10]) {
        const answer = await ask(hub, `/stats?step=${step}`)
        expect(answer.status).toBe(200)
        expect(unsound(answer.body)).toEqual([])
        expect(unsound(await hub.statistics({ step: step as 1 | 10 }))).toEqual([])
        expect(answer.body).toMatchObject(sums)
        expect(answer.body.nodes).toHaveLength(name === 'nameless' ? 1 : 2)
      }
      expect((await hub.fetch(new Request('http://hub.test/metrics'))).status).toBe(200)
      for (const path of ['/connections', '/connections?state=closed']) {
        const answer = await ask(hub, path)
        expect([answer.status, answer.body.connections.map(({ id }: { id: string }) => id)]).toEqual([200, ['c1']])
      }
      expect(errors).toEqual([])
    })
  }
})
