import { once } from 'node:events'
import { connect } from 'node:net'
import { SignJWT, decodeJwt } from 'jose'
import { describe, expect, test } from 'vitest'
import { fakeClock } from '#src/testing/fake-clock.js'
import { startHub } from './server.js'

const ada = { userId: 'ada', sessionId: 's1', roles: ['EDITOR'], subscribe: ['report:*'], publish: ['report:*'] }
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
interface Minted {
  token: string
  expiresAt: number
}

describe('POST /tokens', () => {
  test('[P4.13] A2: mints what the session may, for an hour, and never beyond it', async () => {
    const clock = fakeClock(1_700_000_000_000)
    const { call } = await startHub({ clock })
    const { status, body } = await call<Minted>('/tokens', { as: ada, method: 'POST' })
    expect(status).toBe(201)
    expect(body.expiresAt).toBe(clock.now() + 3_600_000)
    const { subscribe, publish, roles } = ada
    expect(decodeJwt(body.token)).toMatchObject({
      sub: 'ada',
      sid: 's1',
      tidings: { namespace: 'default', roles, subscribe, publish, admin: false },
    })
    const expiresAt = clock.now() + 60_000
    const short = await call<Minted>('/tokens', { as: { ...ada, expiresAt }, method: 'POST' })
    expect(short.body.expiresAt).toBe(expiresAt)
  })

  test('[P4.13] A2: what it opens and what it does not', async () => {
    const { call } = await startHub()
    const { body } = await call<Minted>('/tokens', { as: ada, method: 'POST' })
    const poll = (topic: string) =>
      call(`/events?topic=${topic}`, { as: null, headers: bearer(body.token), accept: 'application/json' })
    for (const topic of ['user:ada', 'role:EDITOR', 'report:9']) expect((await poll(topic)).status, topic).toBe(200)
    for (const topic of ['user:bob', 'role:ADMIN', 'secret']) expect((await poll(topic)).status, topic).toBe(403)
    const publish = { topic: 'report:9', type: 'n' }
    expect((await call('/events', { as: null, headers: bearer(body.token), body: publish })).status).toBe(201)
  })

  test('[P4.14] A1: a token for a URL reads its topics for five minutes, where the hub takes such', async () => {
    const clock = fakeClock(1_700_000_000_000)
    const { call, hub } = await startHub({ clock, urlTokens: true })
    const { body } = await call<Minted>('/tokens', { as: ada, body: { for: 'url', topics: ['report:9'] } })
    expect(body.expiresAt).toBe(clock.now() + 300_000)
    const get = (query: string, headers = {}) =>
      call(`/events?${query}token=${body.token}`, { as: null, accept: 'application/json', headers })
    expect((await get('')).status).toBe(200)
    expect((await get('topic=report:9&')).status).toBe(200)
    expect((await get('topic=user:ada&')).status).toBe(403)
    expect((await get('topic=all&')).status).toBe(403)
    const publish = { topic: 'report:9', type: 'n' }
    const write = { as: null, body: publish }
    expect((await call(`/events?token=${body.token}`, write)).status).toBe(401)
    expect((await call('/events', { ...write, headers: bearer(body.token) })).status).toBe(403)
    expect((await call('/tokens', { as: null, method: 'POST', headers: bearer(body.token) })).status).toBe(403)
    await clock.advance(300_000)
    expect((await get('')).status).toBe(401)
    await hub.close({ drainMs: 0 })
  })

  test('[P4.14] A1: without the setting no token is taken from a URL, and a long one never is', async () => {
    const closed = await startHub()
    const url = await closed.call<Minted>('/tokens', { as: ada, body: { for: 'url' } })
    const asked = { as: null, accept: 'application/json' }
    expect((await closed.call(`/events?token=${url.body.token}`, asked)).status).toBe(401)
    const open = await startHub({ urlTokens: true })
    const long = await open.call<Minted>('/tokens', { as: ada, method: 'POST' })
    expect((await open.call(`/events?token=${long.body.token}`, asked)).status).toBe(401)
    const short = await open.call<Minted>('/tokens', { as: ada, body: { for: 'url' } })
    expect((await open.call(`/events?token=${short.body.token}&topic=user:ada`, asked)).status).toBe(200)
  })

  test('[P4.14] A2: a token for topics that the caller may not read is not made', async () => {
    const { call } = await startHub()
    const body = { for: 'url', topics: ['report:9', 'user:bob'] }
    expect(await call('/tokens', { as: ada, body })).toMatchObject({ status: 403, body: { topics: ['user:bob'] } })
  })

  test('[P4.14] A4: what reads a job by a token for a URL does not cancel it, and who reads without sign-in gets no token', async () => {
    const { call } = await startHub({ anonymous: true, sessionCookies: [], publicTopics: ['job:*'] })
    const { body } = await call<{ token: string; job: { id: string } }>('/jobs', {
      body: { owner: 'user:ada', kind: 'crawl' },
    })
    const topics = [`job:${body.job.id}`]
    const cancel = (token: string) =>
      call(`/jobs/${body.job.id}/cancel`, { as: null, method: 'POST', headers: bearer(token) })
    // Bob reads it because everybody does; ada owns it, and her address may be in a log.
    for (const as of [{ userId: 'bob' }, { userId: 'ada' }]) {
      const minted = await call<Minted>('/tokens', { as, body: { for: 'url', topics } })
      const read = await call(`/jobs/${body.job.id}`, { as: null, headers: bearer(minted.body.token) })
      expect([read.status, (await cancel(minted.body.token)).status]).toEqual([200, 403])
    }
    expect((await call('/tokens', { as: null, body: { for: 'url', topics } })).status).toBe(401)
    // One that was made from the job's own reads, and that is all.
    const less = await call<Minted>('/tokens', { as: null, body: { for: 'url' }, headers: bearer(body.token) })
    expect((await cancel(less.body.token)).status).toBe(403)
    expect((await cancel(body.token)).status).toBe(200)
  })

  test('[P4.13, P4.15] A2, A5: what a token was made into is revoked with it', async () => {
    const secret = 'a secret of at least 32 bytes, here'
    const { call, hub } = await startHub({ jwt: { secret } })
    const sign = (jti: string) =>
      new SignJWT({ tidings: {} })
        .setProtectedHeader({ alg: 'HS256' })
        .setSubject('ada')
        .setJti(jti)
        .setIssuedAt()
        .setExpirationTime('10m')
        .sign(new TextEncoder().encode(secret))
    const mint = async (token: string, body = {}) =>
      (await call<Minted>('/tokens', { as: null, body, headers: bearer(token) })).body.token
    const status = async (token: string) =>
      (await call('/events', { as: null, headers: bearer(token), accept: 'application/json' })).status
    const stolen = await sign('stolen')
    const made = [await mint(stolen), await mint(stolen, { for: 'url' }), await mint(await mint(stolen))]
    const other = await mint(await sign('other'))
    const job = await call<{ token: string }>('/jobs', { body: { owner: 'user:ada', kind: 'crawl' } })
    const renewed = await mint(job.body.token)
    expect(await Promise.all([...made, other, renewed].map(status))).toEqual([200, 200, 200, 200, 200])
    await hub.revoke({ tokenId: 'stolen' })
    await hub.revoke({ tokenId: String(decodeJwt(job.body.token).jti) })
    expect(await Promise.all([...made, other, renewed].map(status))).toEqual([401, 401, 401, 200, 401])
  })

  test.each([
    ['/tokens', '{}', { tokenId: 'slow' }, 0],
    ['/tokens', '{"for":"url"}', { user: 'ada' }, 0],
    ['/events', '{"topic":"news","type":"n"}', { tokenId: 'slow' }, 0],
    ['/jobs', '{"owner":"user:ada","kind":"crawl"}', { user: 'ada' }, 0],
    ['/tokens', '{}', { tokenId: 'another' }, 201],
  ] as const)('A5: who is revoked while a body comes is refused: %s %s %o', async (path, body, target, expected) => {
    const secret = 'a secret of at least 32 bytes, here'
    const { hub, port } = await startHub({ jwt: { secret } })
    const token = await new SignJWT({ tidings: { publish: ['*'] } })
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject('ada')
      .setJti('slow')
      .setIssuedAt()
      .setExpirationTime('10m')
      .sign(new TextEncoder().encode(secret))
    const socket = connect(port, '127.0.0.1')
    let heard = ''
    socket.on('data', (bytes) => {
      heard += bytes
    })
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Bearer ${token}\r\n` +
        `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 1)}`,
    )
    // By then it has been asked who it is.
    await expect.poll(() => hub.stats().requests).toBe(1)
    await new Promise((next) => setTimeout(next, 100))
    await hub.revoke(target)
    // Of the next second: by its `iat` a token that is made now is one of after.
    await new Promise((next) => setTimeout(next, 1_100))
    socket.write(body.slice(1))
    await once(socket, 'close')
    expect(heard).toMatch(new RegExp(`^HTTP/1.1 ${expected === 0 ? 401 : expected} `))
    expect(hub.stats().published).toBe(0)
  })

  test('[P4.15] A4: the token of a job is renewed while there is the job', async () => {
    const { call } = await startHub()
    const worker = { userId: 'w', publish: ['job:*'] }
    const { body } = await call<{ token: string; job: { id: string } }>('/jobs', {
      as: worker,
      body: { owner: 'user:ada', kind: 'crawl' },
    })
    const renew = () => call<Minted>('/tokens', { as: null, method: 'POST', headers: bearer(body.token) })
    const renewed = await renew()
    expect(renewed.status).toBe(201)
    const read = await call(`/jobs/${body.job.id}`, { as: null, headers: bearer(renewed.body.token) })
    expect(read.status).toBe(200)
    expect((await call(`/jobs/${body.job.id}`, { as: worker, method: 'DELETE' })).status).toBe(204)
    expect((await renew()).status).toBe(404)
  })

  test.each([
    [{ for: 'admin' }, 'for'],
    [{ topics: ['a'] }, 'topics'],
    [{ for: 'url', topics: [] }, 'topics'],
    [{ for: 'url', topics: ['a b'] }, 'topics[0]'],
    [{ admin: true }, 'admin'],
  ])('[P4.13] %o is refused by name', async (body, field) => {
    const { call } = await startHub()
    expect(await call('/tokens', { as: ada, body })).toMatchObject({ status: 400, body: { field } })
  })

  test('[P4.13] without a credential there is nothing to mint from', async () => {
    const { call } = await startHub()
    expect((await call('/tokens', { as: null, method: 'POST' })).status).toBe(401)
  })
})
