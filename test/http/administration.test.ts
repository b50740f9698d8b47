import { expect, onTestFinished, test } from 'vitest'
import type { Session } from '#src/auth/session.js'
import { nextSecond } from '../fixtures/next-second.js'
import { readStream } from '../fixtures/stream.js'
import { bearer } from '../fixtures/bearer.js'
import { root, startHub } from './server.js'

const admin: Session = { userId: 'boss', admin: true }
const stranger: Session = { userId: 'boss2', namespace: 'other', admin: true }
const secret = 'a secret that is long enough for HS256'

const adminPaths = [
  ['GET', '/connections'],
  ['GET', '/stats'],
  ['GET', '/metrics'],
  ['GET', '/activity'],
  ['GET', '/topics'],
  ['GET', '/connections/abc'],
  ['DELETE', '/connections/abc'],
  ['DELETE', '/connections?state=stale'],
  ['POST', '/connections/ping'],
  ['POST', '/revocations'],
  ['DELETE', '/topics/news'],
  ['GET', '/explanation?event=1&user=7'],
  ['GET', '/events?topic=*'],
  ['GET', '/jobs?owner=*'],
] as const

test('A7 [P11.5]: every route of administration takes the admin grant', async () => {
  const { call } = await startHub()
  for (const [method, path] of adminPaths) {
    const refused = await call(path, { as: root, method, ...(path === '/revocations' && { body: { user: '7' } }) })
    expect([method, path, refused.status, refused.body['code']]).toEqual([method, path, 403, 'forbidden'])
    expect((await call(path, { as: null, method })).status).toBe(401)
  }
})

test('O1 [P10.24]: an admin lists the jobs of everybody in the namespace, also by status', async () => {
  const { call } = await startHub()
  for (const [id, owner] of [
    ['a', 'user:1'],
    ['b', 'user:2'],
  ])
    await call('/jobs', { body: { id, owner, kind: 'crawl' } })
  await call('/jobs/a/start', { body: {} })
  const idsOf = async (path: string, as: Session) =>
    (await call<{ jobs: { id: string }[] }>(path, { as })).body.jobs.map(({ id }) => id)
  expect(await idsOf('/jobs?owner=*', admin)).toEqual(['b', 'a'])
  expect(await idsOf('/jobs?owner=*&status=running', admin)).toEqual(['a'])
  expect(await idsOf('/jobs?owner=*', stranger)).toEqual([])
})

test('A5 [P11.9]: a revoked user is closed with reconnect: true, and a session is asked again', async () => {
  const { call, stream, hub } = await startHub()
  const reader = await stream({ as: { userId: '7' }, topics: ['user:7'] })
  const other = await stream({ as: { userId: '8' }, topics: ['user:8'] })
  await reader.control('hello')
  await other.control('hello')
  const answer = await call('/revocations', { as: admin, body: { user: '7' } })
  expect([answer.status, answer.body]).toEqual([201, { closed: 1 }])
  expect(await reader.control('bye')).toMatchObject({ reason: 'revoked', reconnect: true })
  await reader.ended()
  const again = await stream({ as: { userId: '7' }, topics: ['user:7'] })
  await again.control('hello')
  await hub.publish({ topic: 'user:8', type: 'n', data: 1 })
  expect((await other.next()).data).toBe(1)
})

test('A5 [P11.9]: tokens of a revoked user that were made before it are refused, cached ones and those without iat too', async () => {
  const { call, url } = await startHub({ jwt: { secret } })
  const old = await bearer(secret, '7')
  const get = async (token: string) =>
    (await fetch(`${url}/topics/all`, { headers: { authorization: `Bearer ${token}` } })).status
  expect(await get(old)).toBe(200)
  await nextSecond()
  await call('/revocations', { as: admin, body: { user: '7' } })
  expect(await get(old)).toBe(401)
  // `iat` is in whole seconds: a token of the same second may be one of before.
  await nextSecond()
  expect(await get(await bearer(secret, '7'))).toBe(200)
  expect(await get(old)).toBe(401)
  expect(await get(await bearer(secret, '8'))).toBe(200)
})

test('A5 [P11.10]: a revoked session or token is closed with reconnect: false and cannot come back', async () => {
  const { call, stream, url } = await startHub({ jwt: { secret } })
  const person = { userId: '7', sessionId: 's1' }
  const reader = await stream({ as: person, topics: ['user:7'] })
  await reader.control('hello')
  expect((await call('/revocations', { as: admin, body: { session: 's1' } })).body).toEqual({ closed: 1 })
  expect(await reader.control('bye')).toMatchObject({ reason: 'revoked', reconnect: false })
  expect((await call('/events?topic=user:7', { as: person, accept: 'text/event-stream' })).status).toBe(401)
  expect(
    (await call('/events?topic=user:7', { as: { ...person, sessionId: 's2' }, accept: 'application/json' })).status,
  ).toBe(200)

  const minted = await call<{ token: string }>('/tokens', { as: { userId: '9' }, method: 'POST' })
  const { token } = minted.body
  const { jti } = JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString())
  const headers = { authorization: `Bearer ${token}` }
  const open = await readStream(url, { headers, topics: ['user:9'] })
  onTestFinished(() => open.close())
  await open.control('hello')
  expect((await call('/revocations', { as: admin, body: { tokenId: jti } })).body).toEqual({ closed: 1 })
  expect(await open.control('bye')).toMatchObject({ reason: 'revoked', reconnect: false })
  expect((await fetch(`${url}/topics/all`, { headers })).status).toBe(401)
})

test('A5: an administrator of one namespace revokes, sees and ends nothing of another', async () => {
  const { call, stream } = await startHub()
  const reader = await stream({ as: { userId: '7', sessionId: 's' }, topics: ['user:7'] })
  const { connectionId } = (await reader.control('hello')) as { connectionId: string }
  expect((await call('/revocations', { as: stranger, body: { user: '7' } })).body).toEqual({ closed: 0 })
  expect((await call('/revocations', { as: stranger, body: { session: 's' } })).body).toEqual({ closed: 0 })
  expect((await call('/connections', { as: stranger })).body).toEqual({ connections: [] })
  expect((await call(`/connections/${connectionId}`, { as: stranger })).status).toBe(404)
  expect((await call(`/connections/${connectionId}`, { as: stranger, method: 'DELETE' })).status).toBe(404)
  expect((await call('/connections/ping', { as: stranger, method: 'POST' })).body).toEqual({ sent: 0 })
  expect((await call('/topics/user%3A7', { as: stranger, method: 'DELETE' })).status).toBe(204)
  expect((await call('/topics/user%3A7', { as: { userId: '7', sessionId: 's' } })).status).toBe(200)
  expect((await call(`/connections/${connectionId}`, { as: admin })).body).toMatchObject({ user: '7' })
})

test('A5: what is to be revoked is named exactly once', async () => {
  const { call } = await startHub()
  for (const [body, field] of [
    [{}, 'user'],
    [{ user: '7', session: 's' }, 'session'],
    [{ users: '7' }, 'users'],
    [{ user: 7 }, 'user'],
    [{ user: 'a b' }, 'user'],
    [{ tokenId: '' }, 'tokenId'],
    [{ tokenId: 'x'.repeat(257) }, 'tokenId'],
  ] as const) {
    const { status, body: problem } = await call('/revocations', { as: admin, body })
    expect([body, status, problem['field']]).toEqual([body, 400, field])
  }
})

test('O2 [P11.6]: /connections tells who reads what, in pages and by filters', async () => {
  const { call, stream, hub } = await startHub()
  const reader = await stream({
    as: { userId: '7', sessionId: 's', roles: ['ADMIN'] },
    topics: ['user:7', 'all'],
    headers: { 'user-agent': 'a browser' },
  })
  const { connectionId } = (await reader.control('hello')) as { connectionId: string }
  for (const userId of ['1', '2', '3']) await (await stream({ as: { userId }, topics: ['all'] })).control('hello')
  await hub.publish({ topic: 'user:7', type: 'n', data: 1 })
  await reader.next()
  const { body: one } = await call(`/connections/${connectionId}`, { as: admin })
  expect(one).toMatchObject({
    id: connectionId,
    state: 'connected',
    namespace: 'default',
    transport: 'sse',
    method: 'session',
    user: '7',
    session: 's',
    roles: ['ADMIN'],
    address: '127.0.0.1',
    userAgent: 'a browser',
    topics: ['user:7', 'all'],
    sent: 1,
    unsentBytes: 0,
    lag: 0,
    errors: 0,
  })
  for (const time of ['since', 'opened', 'lastWrite'])
    expect(Math.abs(Date.now() - (one[time] as number))).toBeLessThan(60_000)
  type Page = { connections: { id: string; user: string }[]; next?: string }
  const list = async (query: string) => (await call<Page>(`/connections?${query}`, { as: admin })).body
  const first = await list('limit=3')
  expect(first.connections).toHaveLength(3)
  const rest = await list(`limit=3&after=${first.next}`)
  expect(rest.next).toBeUndefined()
  const ids = [...first.connections, ...rest.connections].map(({ id }) => id)
  expect(new Set(ids).size).toBe(4)
  expect((await list('user=2')).connections.map(({ user }) => user)).toEqual(['2'])
  expect((await list('topic=user:7')).connections).toHaveLength(1)
  expect((await list('session=s&transport=sse&state=connected')).connections).toHaveLength(1)
  expect((await list('state=stale')).connections).toEqual([])
  for (const wrong of ['state=happy', 'color=red', 'limit=0', 'limit=1001', 'limit=x'])
    expect((await call(`/connections?${wrong}`, { as: admin })).status).toBe(400)
  expect(await hub.connections.get(connectionId)).toMatchObject({ user: '7' })
})

test('O1, O2 [P11.6]: a list of connections is narrowed by a text in any of their names; what ends or pings goes by whole names', async () => {
  const { call, stream } = await startHub()
  for (const userId of ['Ada-1', 'ada-2', 'chen'])
    await (await stream({ as: { userId }, topics: [`user:${userId}`], query: { name: 'web' } })).control('hello')
  const usersOf = async (contains: string, more = '') =>
    (
      await call<{ connections: { user: string }[] }>(`/connections?contains=${contains}${more}`, { as: admin })
    ).body.connections
      .map(({ user }) => user)
      .sort()
  expect(await usersOf('ada')).toEqual(['Ada-1', 'ada-2'])
  expect(await usersOf('WEB')).toHaveLength(3)
  expect(await usersOf('user:ch')).toEqual(['chen'])
  expect(await usersOf('ada', '&user=ada-2')).toEqual(['ada-2'])
  expect(await usersOf('nobody')).toEqual([])
  for (const [method, path] of [
    ['DELETE', '/connections?contains=a'],
    ['POST', '/connections/ping?contains=a'],
  ] as const) {
    const refused = await call(path, { as: admin, method })
    expect([refused.status, refused.body['field']]).toEqual([400, 'contains'])
  }
  expect(await usersOf('')).toHaveLength(3)
})

test('O2 [P11.7]: one connection is ended with bye kicked, and is among the closed with reason and duration', async () => {
  const { call, stream, hub } = await startHub()
  const reader = await stream({ as: { userId: '7' }, topics: ['user:7'] })
  const { connectionId } = (await reader.control('hello')) as { connectionId: string }
  const gone = await call(`/connections/${connectionId}?reason=too%20loud`, { as: admin, method: 'DELETE' })
  expect(gone.status).toBe(204)
  expect(await reader.control('bye')).toMatchObject({ reason: 'kicked', reconnect: true })
  await reader.ended()
  await expect.poll(async () => (await hub.connections.closed()).connections).toHaveLength(1)
  const { body } = await call<{ connections: object[] }>('/connections?state=closed', { as: admin })
  expect(body.connections[0]).toMatchObject({
    id: connectionId,
    state: 'closed',
    reason: 'kicked',
    note: 'too loud',
    user: '7',
    durationMs: expect.any(Number),
  })
  expect((await call(`/connections/${connectionId}`, { as: admin, method: 'DELETE' })).status).toBe(404)
  expect((await call('/connections', { as: admin, method: 'DELETE' })).body['field']).toBe('state')
  const left = await stream({ as: { userId: '8' }, topics: ['user:8'] })
  await left.control('hello')
  await left.close()
  await expect
    .poll(async () => (await hub.connections.closed({ user: '8' })).connections[0])
    .toMatchObject({ reason: 'gone' })
})

test('O2 [P11.8]: a ping goes to every stream of the namespace at once', async () => {
  const { call, stream } = await startHub()
  const readers = await Promise.all(['1', '2'].map((userId) => stream({ as: { userId }, topics: ['all'] })))
  for (const reader of readers) await reader.control('hello')
  const foreign = await stream({ as: { userId: '1', namespace: 'other' }, topics: ['all'] })
  await foreign.control('hello')
  expect((await call('/connections/ping', { as: admin, method: 'POST' })).body).toEqual({ sent: 2 })
  for (const reader of readers) expect(await reader.control('ping')).toHaveProperty('cursor')
})

test('H3: a stream that is revoked while it reads history gets bye and nothing after it', async () => {
  const { hub, call, stream } = await startHub()
  for (let n = 0; n < 50; n++) await hub.publish({ topic: 'user:7', type: 'n', data: { n, pad: 'x'.repeat(20_000) } })
  const reader = await stream({ as: { userId: '7' }, topics: ['user:7'], since: 'start' })
  await reader.next()
  await call('/revocations', { as: admin, body: { user: '7' } })
  await reader.control('bye')
  await reader.ended()
})

test('[P11.11]: an erased topic is gone from the log and from the newest in memory, and its readers are told', async () => {
  const { hub, call, stream, poll } = await startHub()
  const reader = await stream({ topics: ['news', 'other'] })
  const { cursor } = (await reader.control('hello')) as { cursor: string }
  await hub.publish({ topic: 'news', type: 'n', data: 1 })
  await hub.publish({ topic: 'other', type: 'n', data: 2 })
  await reader.next()
  await reader.next()
  expect((await call('/topics/news', { as: admin, method: 'DELETE' })).status).toBe(204)
  expect(await reader.control('gap')).toMatchObject({ reason: 'unknown', topics: ['news'] })
  const { body } = await poll(`topic=news&topic=other&since=${cursor}`)
  expect(body.events.map(({ data }) => data)).toEqual([2])
  expect(body.gaps).toMatchObject([{ reason: 'unknown', topics: ['news'] }])
  await hub.publish({ topic: 'news', type: 'n', data: 3 })
  expect((await reader.next()).data).toBe(3)
  // Its state would go too, which those above and below it count on.
  expect((await call('/topics/job%3A1', { as: admin, method: 'DELETE' })).body['code']).toBe('topic_reserved')
  await expect(hub.eraseTopic('job:1')).rejects.toMatchObject({ code: 'topic_reserved', field: 'topic' })
})
