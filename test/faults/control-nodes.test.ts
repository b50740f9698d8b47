import { describe, expect, onTestFinished, test } from 'vitest'
import type { Hub } from '#src/index.js'
import { readStream, type StreamOptions, type StreamReader } from '../fixtures/stream.js'
import { bearer } from '../fixtures/bearer.js'
import { nextSecond } from '../fixtures/next-second.js'
import { noRedis, redisForTest } from '../fixtures/redis.js'
import { eventually, openHub, proxyTo, storeOn } from './redis-bench.js'

const secret = 'a secret that is long enough for HS256'
/** Who asks says so. */
const sessions = (request: Request) => JSON.parse(request.headers.get('x-session') ?? 'null')
const as = (session: object) => ({ 'x-session': JSON.stringify(session) })

async function nodes(...urls: readonly string[]): Promise<Hub[]> {
  const hubs: Hub[] = []
  for (const url of urls) hubs.push((await openHub(storeOn(url), { authenticate: sessions, jwt: { secret } })).hub)
  await eventually('the nodes know each other', () =>
    hubs.every(({ internals }) => internals.core.control.nodes.others.length === hubs.length - 1),
  )
  return hubs
}

async function open(hub: Hub, options: StreamOptions): Promise<StreamReader> {
  const reader = await readStream(hub, options)
  onTestFinished(() => reader.close())
  await reader.control('hello')
  return reader
}

const status = async (hub: Hub, headers: Record<string, string>) =>
  (await hub.fetch(new Request('http://hub.test/topics/all', { headers }))).status

describe.skipIf(noRedis)('what is said to all nodes', () => {
  test('A5: revoking reaches three nodes within a second, tokens that two of them remember too', async () => {
    const { url } = await redisForTest()
    const hubs = await nodes(url, url, url)
    const bearing = { authorization: `Bearer ${await bearer(secret, '7')}` }
    const took: number[] = []
    for (let round = 0; round < 20; round++) {
      const person = { userId: `u${round}`, sessionId: `s${round}` }
      const readers = await Promise.all(hubs.map((hub) => open(hub, { headers: as(person), topics: ['all'] })))
      const began = performance.now()
      const revoking = (hubs[round % 3] as Hub).revoke(
        round % 2 ? { user: person.userId } : { session: person.sessionId },
      )
      const byes = await Promise.all(readers.map((reader) => reader.control('bye')))
      took.push(performance.now() - began)
      expect(byes).toMatchObject(Array(3).fill({ reason: 'revoked', reconnect: round % 2 === 1 }))
      expect(await revoking).toEqual({ closed: 3 })
      for (const hub of hubs) expect(await status(hub, as(person))).toBe(round % 2 ? 200 : 401)
    }
    took.sort((a, b) => a - b)
    console.log(`revoked on three nodes: median ${took[10]?.toFixed(1)} ms, most ${took[19]?.toFixed(1)} ms`)
    // A machine that stops for a second makes one or two late; what the hubs do is the same in all of them.
    expect(took[10]).toBeLessThan(1_000)
    expect(took[19]).toBeLessThan(10_000)

    const tokenReaders = await Promise.all(hubs.map((hub) => open(hub, { headers: bearing, topics: ['all'] })))
    for (const hub of hubs) expect(await status(hub, bearing)).toBe(200)
    await nextSecond()
    expect(await (hubs[0] as Hub).revoke({ user: '7' })).toEqual({ closed: 3 })
    for (const reader of tokenReaders) expect(await reader.control('bye')).toMatchObject({ reason: 'revoked' })
    for (const hub of hubs) expect(await status(hub, bearing)).toBe(401)
  })

  test('A5, O2: connections of three nodes are listed in pages, pinged, and ended from any of them', async () => {
    const { url } = await redisForTest()
    const hubs = await nodes(url, url, url)
    const readers = await Promise.all(
      Array.from({ length: 12 }, (_, n) =>
        open(hubs[n % 3] as Hub, { headers: as({ userId: `u${n}` }), topics: ['all'] }),
      ),
    )
    for (const hub of hubs) {
      const first = await hub.connections.list({ limit: 7 })
      const rest = await hub.connections.list({ limit: 7, after: first.next as string })
      const all = [...first.connections, ...rest.connections]
      expect([first.connections.length, rest.connections.length, rest.next, first.missing]).toEqual([
        7,
        5,
        undefined,
        undefined,
      ])
      expect(new Set(all.map(({ user }) => user)).size).toBe(12)
      expect(new Set(all.map(({ node }) => node)).size).toBe(3)
      expect(await hub.connections.ping()).toEqual({ sent: 12 })
    }
    for (const reader of readers) for (let n = 0; n < 3; n++) await reader.control('ping')
    const [one] = (await (hubs[0] as Hub).connections.list({ user: 'u1' })).connections
    expect(await (hubs[2] as Hub).connections.get(one?.id as string)).toMatchObject({ user: 'u1', node: one?.node })
    expect(await (hubs[0] as Hub).connections.disconnect({ id: one?.id as string }, { reason: 'test' })).toEqual({
      closed: 1,
    })
    expect(await readers[1]?.control('bye')).toMatchObject({ reason: 'kicked' })
    await eventually('it is among the closed', async () => {
      const { connections } = await (hubs[2] as Hub).connections.closed()
      return connections.some(({ user, note, reason }) => user === 'u1' && note === 'test' && reason === 'kicked')
    })
    expect(await (hubs[1] as Hub).connections.disconnect({ state: 'connected' })).toEqual({ closed: 11 })
  })

  test('A5: a topic that is erased on one node is gone from the memory of the others', async () => {
    const { url } = await redisForTest()
    const [left, right] = (await nodes(url, url)) as [Hub, Hub]
    const reader = await open(right, { headers: as({ userId: '7', subscribe: ['*'] }), topics: ['news'] })
    const { cursor } = await left.publish({ topic: 'news', type: 'n', data: 'old' })
    expect((await reader.next()).data).toBe('old')
    await left.eraseTopic('news')
    expect(await reader.control('gap')).toMatchObject({ reason: 'unknown' })
    await left.publish({ topic: 'news', type: 'n', data: 'new' })
    const before = `${(cursor as string).split('.')[0]}.1`
    const again = await open(right, { headers: as({ userId: '8', subscribe: ['*'] }), topics: ['news'], since: before })
    expect((await again.next()).data).toBe('new')
  })

  test('A5, S5: a node that was cut off while something was revoked refuses it when it is back, one that is new at once', async () => {
    const { port, url } = await redisForTest()
    const proxy = await proxyTo(port)
    const [here, cut] = (await nodes(url, proxy.url)) as [Hub, Hub]
    const person = { userId: '7', sessionId: 's' }
    const reader = await open(cut, { headers: as(person), topics: ['all'] })
    proxy.refuses = true
    proxy.cut()
    await eventually('it is away', () => !cut.internals.core.presence.available)
    await here.revoke({ session: 's' })
    expect(reader.controls.map(({ name }) => name)).not.toContain('bye')
    proxy.refuses = false
    expect(await reader.control('bye')).toMatchObject({ reason: 'revoked', reconnect: false })
    expect(await status(cut, as(person))).toBe(401)
    const { hub: fresh } = await openHub(storeOn(url), { authenticate: sessions })
    expect(await status(fresh, as(person))).toBe(401)
  })

  test('S5: what is revoked while the store is away holds on this node at once and is kept when it is back', async () => {
    const { port, url } = await redisForTest()
    const proxy = await proxyTo(port)
    const [cut, other] = (await nodes(proxy.url, url)) as [Hub, Hub]
    const person = { userId: '7', sessionId: 's' }
    const reader = await open(cut, { headers: as(person), topics: ['all'] })
    const far = await open(other, { headers: as(person), topics: ['all'] })
    proxy.refuses = true
    proxy.cut()
    await eventually('it is away', () => !cut.internals.core.presence.available)
    await expect(cut.revoke({ session: 's' })).rejects.toMatchObject({ code: 'store_unavailable' })
    expect(await reader.control('bye')).toMatchObject({ reason: 'revoked' })
    expect(await status(cut, as(person))).toBe(401)
    proxy.refuses = false
    expect(await far.control('bye')).toMatchObject({ reason: 'revoked' })
    expect(await status(other, as(person))).toBe(401)
  })

  test('A5, S5: a node that begins without its store lets nobody in who may have been revoked, and tells them to come again', async () => {
    const { port, url } = await redisForTest()
    const proxy = await proxyTo(port)
    const [here] = (await nodes(url)) as [Hub]
    await here.revoke({ session: 'gone' })
    proxy.refuses = true
    const { hub: late } = await openHub(storeOn(proxy.url), { authenticate: sessions, jwt: { secret } })
    expect(late.internals.core.presence.wasThere).toBe(false)
    const bearing = { authorization: `Bearer ${await bearer(secret, '7')}` }
    const ask = (headers: Record<string, string>, accept = 'application/json') =>
      late.fetch(new Request('http://hub.test/events?topic=all', { headers: { ...headers, accept } }))
    for (const headers of [as({ userId: '7', sessionId: 'gone' }), as({ userId: '7', sessionId: 'good' }), bearing]) {
      const refused = await ask(headers)
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1'])
      expect(await refused.json()).toMatchObject({ code: 'store_unavailable' })
      const native = await ask(headers, 'text/event-stream')
      expect([native.status, await native.text()]).toEqual([200, expect.stringContaining('"reason":"refused"')])
    }
    // A bad one is bad all the same, and a session without an id cannot have been revoked: its stream waits (S5).
    expect((await ask({ authorization: 'Bearer x.y.z' })).status).toBe(401)
    const waiting = await readStream(late, { headers: as({ userId: '8' }), topics: ['all'] })
    onTestFinished(() => waiting.close())
    expect(waiting.response.status).toBe(200)
    proxy.refuses = false
    await eventually('it is there', () => late.internals.core.presence.available)
    await eventually('the list is read', async () => (await status(late, bearing)) === 200)
    expect(await status(late, as({ userId: '7', sessionId: 'good' }))).toBe(200)
    expect(await status(late, as({ userId: '7', sessionId: 'gone' }))).toBe(401)
    expect(await waiting.control('hello')).toMatchObject({ topics: ['all'] })
  })
})
