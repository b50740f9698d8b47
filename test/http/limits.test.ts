import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import type { Session } from '#src/auth/session.js'
import { headersOf, root, startHub, type TestHub } from './server.js'

const clientOf = (n: number): string => `client-${n}-`.padEnd(32, 'x')
const from = (address: string) => ({ 'x-forwarded-for': address })
const trustedProxies = ['127.0.0.0/8', '::1']
const one: Session = { userId: '7', sessionId: 's', subscribe: ['*'], publish: ['*'] }
const reported = (hub: TestHub) => hub.hub.stats().limits.refused

/** Until `condition`: what it waits for comes from the other end of a socket. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  await expect.poll(condition, { interval: 5 }).toBe(true)
}

describe('connections', () => {
  test('[P15.1, P15.2] the (N+1)th stream or held poll of a session is 429, says which limit, and when to come back', async () => {
    const hub = await startHub({ limits: { connections: { session: 3 } } })
    const streams = [await hub.stream({ as: one, topics: ['a'] }), await hub.stream({ as: one, topics: ['a'] })]
    const since = (await hub.poll('topic=a', { as: one })).body.cursor
    const held = hub.poll(`topic=a&since=${since}&wait=20`, { as: one })
    await until(() => hub.hub.stats().connections === 3)

    const refused = await hub.call('/events?topic=a', {
      as: one,
      accept: 'text/event-stream, application/problem+json',
    })
    expect(refused.status).toBe(429)
    expect(refused.body).toMatchObject({
      code: 'rate_limited',
      limit: 'connections.session',
      title: 'Too many requests',
    })
    expect(refused.body.retryAfterMs).toBeGreaterThanOrEqual(1_000)
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
    expect((await hub.poll('topic=a', { as: one })).status).toBe(429)
    expect(reported(hub)).toEqual({ 'connections.session': 2 })

    // Another session of the same user, and a session of that name of another namespace, are others.
    await hub.stream({ as: { ...one, sessionId: 't' }, topics: ['a'] })
    await hub.stream({ as: { ...one, namespace: 'other' }, topics: ['a'] })

    await hub.publish({ topic: 'a', type: 'n', data: 1 })
    expect((await held).body.events).toHaveLength(1)
    await hub.stream({ as: one, topics: ['a'] })
    await streams[0]?.close()
    await until(async () => (await hub.poll('topic=a', { as: one })).status === 200)
  })

  test('I21: every way in which a connection ends makes room: hung up, reset, refused, forbidden, rotated, over', async () => {
    const hub = await startHub({ limits: { connections: { session: 2 } }, maxAgeMs: 40, retryMs: { from: 1, to: 1 } })
    const request = `GET /events?topic=a HTTP/1.1\r\nHost: h\r\nx-session: ${headersOf(one)['x-session']}\r\n\r\n`
    for (let turn = 0; turn < 5; turn++) {
      const socket = connect(hub.port, '127.0.0.1')
      socket.write(request)
      await once(socket, 'data')
      if (turn % 2 === 0) socket.resetAndDestroy()
      else socket.destroy()
    }
    for (let turn = 0; turn < 5; turn++) connect(hub.port, '127.0.0.1').end(request).resume()
    for (let turn = 0; turn < 5; turn++) {
      const narrow = { userId: '7', sessionId: 's' }
      expect((await hub.call('/events?topic=secret', { as: narrow })).status).toBe(403)
      expect((await hub.call('/events?topic=user:7&since=x', { as: one })).status).toBe(400)
    }
    await until(() => hub.hub.stats().connections === 0)
    for (let turn = 0; turn < 3; turn++) {
      const streams = await Promise.all([
        hub.stream({ as: one, topics: ['a'] }),
        hub.stream({ as: one, topics: ['a'] }),
      ])
      for (const stream of streams) expect((await stream.control('bye')).reason).toBe('rotate')
      await until(() => hub.hub.stats().connections === 0)
    }
    expect(reported(hub)).toEqual({})
  })

  test('A6: an address is refused before anybody is asked who they are', async () => {
    let asked = 0
    const hub = await startHub({
      limits: { connections: { address: 2 } },
      trustedProxies,
      authenticate: () => {
        asked++
        return { userId: String(asked), subscribe: ['*'] }
      },
    })
    for (let n = 0; n < 2; n++) await hub.stream({ topics: ['a'], headers: from('198.51.100.1') })
    const refused = await hub.call('/events?topic=a', { headers: from('198.51.100.1') })
    expect([refused.status, refused.body.limit, asked]).toEqual([429, 'connections.address', 2])
    await hub.stream({ topics: ['a'], headers: from('198.51.100.2') })
    // The same network of IPv6 is the same customer.
    await hub.stream({ topics: ['a'], headers: from('2001:db8:1:2::1') })
    await hub.stream({ topics: ['a'], headers: from('2001:db8:1:2::2') })
    expect((await hub.call('/events?topic=a', { headers: from('2001:db8:1:2:3::') })).status).toBe(429)
  })

  test('[P15.4] what a peer says of its address counts only where it is a trusted proxy', async () => {
    const hub = await startHub({ limits: { connections: { address: 2 } } })
    for (let n = 0; n < 2; n++) await hub.stream({ topics: ['a'], headers: from(`198.51.100.${n}`) })
    expect(hub.errors).toEqual([])
    expect((await hub.call('/events?topic=a', { headers: from('198.51.100.9') })).status).toBe(429)
    expect((await hub.call('/events?topic=a', { headers: from('198.51.100.9') })).status).toBe(429)
    // That it may be a proxy of the operator's own is said once.
    expect(hub.errors.map(String)).toEqual([expect.stringContaining('"trustedProxies"')])
  })

  test('A6: readers without sign-in have a limit of their own', async () => {
    const hub = await startHub({
      limits: { connections: { anonymousAddress: 1 } },
      anonymous: true,
      sessionCookies: [],
      publicTopics: ['news'],
      trustedProxies,
    })
    const nobody = async (address: string) =>
      await fetch(`${hub.url}/events?topic=news`, { headers: { ...from(address), accept: 'text/event-stream, */*' } })
    const first = await nobody('198.51.100.1')
    expect(first.status).toBe(200)
    const second = await nobody('198.51.100.1')
    expect([second.status, ((await second.json()) as { limit: string }).limit]).toEqual([
      429,
      'connections.anonymousAddress',
    ])
    await hub.stream({ as: one, topics: ['news'], headers: from('198.51.100.1') })
    const third = await nobody('198.51.100.2')
    expect(third.status).toBe(200)
    await Promise.all([first.body?.cancel(), third.body?.cancel()])
  })

  test('A6: through hub.fetch an address is what the application says it is, and without one none counts', async () => {
    const { hub } = await startHub({ limits: { connections: { address: 1 } } })
    const open = async (address?: string) =>
      await hub.fetch(
        new Request('http://hub.test/events?topic=a', { headers: { ...headersOf(root), accept: '*/*' } }),
        {
          ...(address !== undefined && { address }),
        },
      )
    const first = await open('198.51.100.1')
    expect([first.status, (await open('198.51.100.1')).status]).toEqual([200, 429])
    const more = [await open('198.51.100.2'), await open(), await open()]
    expect(more.map(({ status }) => status)).toEqual([200, 200, 200])
    await first.body?.cancel()
    const again = await open('198.51.100.1')
    expect(again.status).toBe(200)
    for (const { body } of [...more, again]) await body?.cancel()
  })

  test('[P15.3] a stream with the same client and principal takes the place of the open one, which hears `replaced`', async () => {
    const hub = await startHub({ limits: { connections: { session: 2 } } })
    const stream = (n: number, as: Session = one) => hub.stream({ as, topics: ['a'], query: { client: clientOf(n) } })
    const first = await stream(1)
    const second = await stream(2)
    expect((await hub.call(`/events?topic=a&client=${clientOf(3)}`, { as: one })).status).toBe(429)
    const again = await stream(1)
    expect(await first.control('bye')).toMatchObject({ reason: 'replaced' })
    await first.ended()
    await hub.publish({ topic: 'a', type: 'n', data: 'both' })
    expect((await again.next()).data).toBe('both')
    expect((await second.next()).data).toBe('both')
    // Knowing the client of somebody else gives no right over their stream.
    await stream(1, { ...one, userId: '8', sessionId: 'theirs' })
    await stream(1, { ...one, sessionId: 'other' })
    await hub.publish({ topic: 'a', type: 'n', data: 'still' })
    expect((await again.next()).data).toBe('still')
    // A refused one does not take the place.
    const narrow = { userId: '7', sessionId: 's' }
    expect((await hub.call(`/events?topic=z&client=${clientOf(2)}`, { as: narrow })).status).toBe(403)
    await hub.publish({ topic: 'a', type: 'n', data: 'last' })
    await second.until(({ data }) => data === 'last')
    for (const bad of ['short', '', 'x'.repeat(65), `${clientOf(1)}%20`])
      expect((await hub.call(`/events?topic=a&client=${bad}`, { as: one })).body).toMatchObject({
        code: 'query_invalid',
        field: 'client',
      })
  })
})

describe('rates', () => {
  // So slow that nothing comes back while the machine stands still.
  const limits = { perSecond: 0.001, burst: 2 }
  test.each([
    ['connects', '/events?topic=a&since=now', undefined],
    ['polls', '/jobs', undefined],
    ['publishes', '/events', { topic: 'a', type: 'n' }],
    ['tokens', '/tokens', {}],
    ['jobCommands', '/jobs', { owner: 'user:7', kind: 'k' }],
  ] as const)('[P15.1] %s by address, session, user and namespace', async (kind, path, body) => {
    for (const by of ['address', 'session', 'user', 'namespace'] as const) {
      const hub = await startHub({ limits: { [kind]: { [by]: limits } }, trustedProxies })
      const status = async (as: Session, address = '198.51.100.1') => {
        const abort = new AbortController()
        const response = await fetch(hub.url + path, {
          headers: {
            ...headersOf(as),
            ...from(address),
            ...(body && { 'content-type': 'application/json' }),
            accept: path.startsWith('/events') && !body ? 'text/event-stream, */*' : 'application/json',
          },
          ...(body && { method: 'POST', body: JSON.stringify(body) }),
          signal: abort.signal,
        })
        const limit = response.status === 429 ? ((await response.json()) as { limit: string }).limit : response.status
        abort.abort()
        return limit
      }
      const good = body ? 201 : 200
      expect([await status(one), await status(one)]).toEqual([good, good])
      expect(await status(one)).toBe(`${kind}.${by}`)
      const others: Record<string, () => Promise<unknown>> = {
        address: () => status(one, '198.51.100.2'),
        session: () => status({ ...one, sessionId: 't' }),
        user: () => status({ ...one, userId: '8', sessionId: 's' }),
        namespace: () => status({ ...one, namespace: 'other' }),
      }
      expect(await others[by]?.()).toBe(kind === 'jobCommands' && by === 'user' ? 201 : good)
      expect(reported(hub)).toEqual({ [`${kind}.${by}`]: 1 })
    }
  })

  test('A6: who guesses credentials is slowed down by address', async () => {
    const hub = await startHub({ limits: { polls: { address: { perSecond: 0.001, burst: 3 } } } })
    const statuses: number[] = []
    for (let n = 0; n < 5; n++) statuses.push((await hub.call('/jobs', { as: null })).status)
    expect(statuses).toEqual([401, 401, 401, 429, 429])
  })

  test('§12: the defaults let through what one page, or one worker, does', async () => {
    const hub = await startHub()
    const as = { ...one, sessionId: 'worker' }
    const answers = await Promise.all(Array.from({ length: 300 }, () => hub.publish({ topic: 'a', type: 'n' }, as)))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]))
  })
})

describe('own topics', () => {
  test('[P1.9] a person of more roles than a stream has topics is told so', async () => {
    const hub = await startHub()
    const roles = Array.from({ length: 120 }, (_, index) => `R${index}`)
    const refused = await hub.call('/events', { as: { userId: '7', roles } })
    expect(refused.body).toMatchObject({ code: 'query_invalid', field: 'topic' })
    await hub.stream({ as: { userId: '7', roles }, topics: ['role:R1', 'user:7'] })
  })
})
