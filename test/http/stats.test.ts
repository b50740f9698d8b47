import { expect, test } from 'vitest'
import type { Session } from '#src/auth/session.js'
import type { Stats } from '#src/hub/figures/stats.js'
import { memoryStore } from '#src/store/memory.js'
import { fakeClock } from '#src/testing/fake-clock.js'
import { connect } from '../hub/core.js'
import { startHub } from './server.js'

const admin: Session = { userId: 'boss', admin: true, subscribe: ['*'], publish: ['*'] }
const stranger: Session = { userId: 'other', namespace: 'elsewhere', admin: true, subscribe: ['*'], publish: ['*'] }

const closedOnes = async (read: () => Promise<Stats>, number: number) => {
  await expect.poll(async () => (await read()).connections.closed).toBe(number)
}

test('O3 [P11.14]: /stats adds up what was opened, published, delivered and closed', async () => {
  const { hub, call, publish, stream } = await startHub()
  const read = async () => (await call<Stats>('/stats', { as: admin })).body
  const one = await stream({ as: { ...admin, sessionId: 's1' }, topics: ['news', 'all'], query: { name: 'tablet' } })
  const two = await stream({ as: { ...admin, sessionId: 's1' }, topics: ['news'] })
  const hello = await one.control('hello')
  await two.control('hello')
  await publish({ topic: 'news', type: 'a', data: 1 }, admin)
  await publish({ topic: 'news', type: 'a', data: 2 }, admin)
  await publish({ to: { all: true }, type: 'b', data: 3 }, admin)
  for (let more = 0; more < 3; more++) await one.next()
  for (let more = 0; more < 2; more++) await two.next()
  await two.close()
  await closedOnes(read, 1)
  const back = await stream({
    as: { ...admin, sessionId: 's1' },
    topics: ['news'],
    query: { since: hello['cursor'] as string },
  })
  await back.control('hello')
  await back.next()
  await back.next()

  const stats = await read()
  expect(stats.connections).toMatchObject({
    open: 2,
    opened: 3,
    openedBy: { sse: 3, poll: 0 },
    closed: 1,
    returned: 1,
    resumed: 1,
    lagging: 0,
    byState: { connected: 2, stale: 0 },
    byTransport: { sse: 2 },
  })
  expect(stats.connections.closedBy).toMatchObject({ gone: 1, shutdown: 0 })
  expect(stats.events).toMatchObject({ published: 3, stored: 3, broadcasts: 1, delivered: 7 })
  expect(stats.events.byType).toEqual([
    { type: 'a', count: 2, perSecond: expect.any(Number) },
    { type: 'b', count: 1, perSecond: expect.any(Number) },
  ])
  expect(stats.unique).toEqual({ users: 1, sessions: 1, addresses: 1 })
  expect(stats.durations.count).toBe(1)
  expect(stats.sessions).toMatchObject([
    {
      name: 's1',
      user: 'boss',
      connections: 2,
      closed: 1,
      reconnects: 1,
      sent: 7,
      byType: [
        { type: 'a', count: 6 },
        { type: 'b', count: 1 },
      ],
      errors: 0,
    },
  ])
  expect(stats.addresses).toMatchObject([{ name: '127.0.0.1', connections: 2, closed: 1 }])
  // Five live deliveries of three events were timed; what was read from the log was not.
  expect(stats.latency.delivery.count).toBe(5)
  expect(stats.latency.append.count).toBeGreaterThanOrEqual(3)
  expect(stats.latency.connect.count).toBe(3)
  expect(stats.streamBytes).toBeGreaterThan(500)
  expect(stats.nodes).toMatchObject([{ connections: 2, store: { kind: 'memory', available: true }, subscriptions: 1 }])
  expect(stats.kept).toMatchObject({ events: 3, topics: 2, leases: 0, labels: {}, ids: 3, idWindowMs: 300_000 })
  expect((await hub.statistics({ namespace: 'elsewhere' })).kept).toMatchObject({ events: 0, topics: 0, bytes: 0 })
  expect(await hub.statistics()).toMatchObject({ events: { published: 3 } })
  const { connections } = (
    await call<{ connections: { name?: string; returned: boolean }[] }>('/connections', { as: admin })
  ).body
  expect(connections.map(({ name, returned }) => [name, returned])).toEqual(
    expect.arrayContaining([
      ['tablet', false],
      [undefined, true],
    ]),
  )
})

test('O3 [P11.14]: how often readers come back is told of the last minute, beside memory and event loop of each node', async () => {
  const clock = fakeClock()
  const { hub, stream, publish } = await startHub({ clock, store: memoryStore({ clock }) })
  const { cursor } = (await publish({ topic: 'news', type: 'a', data: 1 }, admin)).body
  for (let n = 0; n < 3; n++)
    await (await stream({ as: admin, topics: ['news'], query: { since: cursor } })).control('hello')
  await (await stream({ as: admin, topics: ['news'] })).control('hello')
  await clock.advance(2_000)
  const { connections, nodes, uptimeMs } = await hub.statistics()
  expect(connections).toMatchObject({ opened: 4, returned: 3, reconnectsPerMinute: 3 })
  expect(uptimeMs).toBe(2_000)
  expect(nodes[0]?.memory.rssBytes).toBeGreaterThan(nodes[0]?.memory.heapUsedBytes as number)
  expect(nodes[0]?.memory.heapUsedBytes).toBeGreaterThan(1e6)
  expect(nodes[0]).toHaveProperty('eventLoop')
  await clock.advance(61_000)
  expect((await hub.statistics()).connections).toMatchObject({ returned: 3, reconnectsPerMinute: 0 })
})

test('O3 [P11.14]: durations are of the last 1,000 that closed, with their average', async () => {
  const clock = fakeClock()
  const { hub } = await startHub({ clock, store: memoryStore({ clock }) })
  for (let n = 1; n <= 1_010; n++) {
    const { connection } = await connect(hub.internals.core, { topics: ['a'] })
    await clock.advance(n)
    connection?.gone()
  }
  const { durations } = await hub.statistics()
  expect(durations).toEqual({ count: 1_000, averageMs: 511, p50Ms: 511, p95Ms: 961, p99Ms: 1_001, longestMs: 1_010 })
})

test('O3 [P11.15]: names of one namespace are not told in another', async () => {
  const { hub, publish, stream } = await startHub()
  const mine = await stream({ as: { ...admin, sessionId: 'hidden-session' }, topics: ['news'] })
  await mine.control('hello')
  await publish({ topic: 'news', type: 'hidden.type', data: 1 }, admin)
  await mine.next()
  await mine.close()
  const read = () => hub.statistics({ namespace: 'elsewhere' })
  await closedOnes(read, 1)
  const body = await read()
  expect(body).toMatchObject({
    events: { stored: 1, byType: [] },
    unique: { users: 0, sessions: 0, addresses: 0 },
    durations: { count: 0 },
    sessions: [],
    addresses: [],
  })
  expect(JSON.stringify(body)).not.toMatch(/hidden/)
})

test('A7, I13 [P11.18] [P4.9]: an admin of another namespace gets no figure of the whole hub', async () => {
  const { call, stream, publish } = await startHub({
    authorize: (_, action) => (action === 'admin' ? true : undefined),
  })
  const reader = await stream({ as: admin, topics: ['news'] })
  await reader.control('hello')
  await publish({ topic: 'news', type: 'hidden.type', data: 1 }, admin)
  await reader.next()
  // Neither the grant nor what `authorize` says makes somebody of another namespace run the hub.
  for (const as of [stranger, { ...stranger, admin: false }]) {
    for (const path of ['/stats', '/stats?step=10', '/stats?namespace=default', '/metrics']) {
      const { status, body } = await call(path, { as })
      expect([path, status, body['code']]).toEqual([path, 403, 'forbidden'])
      expect(JSON.stringify(body)).not.toMatch(/hidden|news|\d{4}/)
    }
    const diagnosis = await call('/diagnosis', { as })
    expect(diagnosis.body).toMatchObject({ principal: { namespace: 'elsewhere', admin: true } })
    expect(diagnosis.body).not.toHaveProperty('store')
    // Their own routes are theirs.
    expect((await call('/connections', { as })).body).toEqual({ connections: [] })
  }
  for (const path of ['/stats', '/metrics']) expect((await call(path, { as: admin })).status).toBe(200)
  expect((await call('/diagnosis', { as: admin })).body).toHaveProperty('store')
  // Open to everybody, so without a number of anybody's: parts, and shares of the whole.
  expect(JSON.stringify((await call('/health', { as: null })).body)).not.toMatch(/"connections"|"events"/)
})

test('O3 [P11.14]: charts have a point a second, and another step is refused by name', async () => {
  const { call, stream, publish } = await startHub()
  const reader = await stream({ as: admin, topics: ['news'] })
  await reader.control('hello')
  await publish({ topic: 'news', type: 'a', data: 1 }, admin)
  await reader.next()
  const read = async () => (await call<Stats>('/stats', { as: admin })).body.series
  await expect.poll(async () => (await read()).points.some(({ outPerSecond }) => outPerSecond > 0)).toBe(true)
  const { stepMs, points } = await read()
  expect(stepMs).toBe(1_000)
  for (const { at } of points) expect(at % 1_000).toBe(0)
  const busy = points.find(({ outPerSecond }) => outPerSecond > 0)
  expect(busy).toMatchObject({ connections: 1, lagging: 0, p99Ms: expect.any(Number) })
  expect((await call<Stats>('/stats?step=10', { as: admin })).body.series.stepMs).toBe(10_000)
  for (const step of ['2', 'x', '']) {
    const { status, body } = await call(`/stats?step=${step}`, { as: admin })
    expect([status, body['code'], body['field']]).toEqual([400, 'query_invalid', 'step'])
  }
})

test('O2 [P11.6]: a name that is too long or holds control characters is refused', async () => {
  const { call } = await startHub()
  for (const name of ['x'.repeat(65), 'a%0Ab', '']) {
    const { status, body } = await call(`/events?topic=news&name=${name}`, { as: admin, accept: 'application/json' })
    expect([status, body['field']]).toEqual([400, 'name'])
  }
})
