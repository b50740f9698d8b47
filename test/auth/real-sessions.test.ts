import { describe, expect, onTestFinished, test } from 'vitest'
import { type StreamReader, readStream } from '../fixtures/stream.js'
import { type Application, makers } from './session-makers.js'

const json = { 'content-type': 'application/json' }

async function call(app: Application, path: string, cookie: string | null, more: RequestInit = {}) {
  const response = await fetch(app.url + path, {
    ...more,
    headers: { accept: 'application/json', ...(cookie !== null && { cookie }), ...(more.headers as object) },
  })
  const text = await response.text()
  return { status: response.status, body: text === '' ? null : JSON.parse(text) }
}

const publish = (app: Application, cookie: string | null, headers: Record<string, string> = {}) =>
  call(app, '/events', cookie, {
    method: 'POST',
    headers: { ...json, ...headers },
    body: '{"topic":"report:9","type":"n"}',
  })

async function open(app: Application, cookie: string): Promise<StreamReader> {
  const reader = await readStream(app.url, { headers: { cookie } })
  onTestFinished(() => reader.close())
  return reader
}

/** A character in the middle of the value is another. */
function tampered(cookie: string): string {
  const at = cookie.indexOf('=') + Math.floor((cookie.length - cookie.indexOf('=')) / 2)
  return cookie.slice(0, at) + (cookie[at] === 'A' ? 'B' : 'A') + cookie.slice(at + 1)
}

describe.each(makers)('a session of %s', (_name, make) => {
  test('A1: is its own person on stream, poll and POST, and nobody else', async () => {
    const app = await make()
    const [ada, bob] = [await app.signIn('ada'), await app.signIn('bob')]
    const [adaId, bobId] = [app.userIdOf('ada'), app.userIdOf('bob')]
    expect(adaId).not.toBe(bobId)
    const reader = await open(app, ada)
    const { topics } = (await reader.control('hello')) as unknown as { topics: string[] }
    expect(topics).toEqual([`user:${adaId}`, expect.stringMatching(/^session:/), 'role:EDITOR', `jobs:${adaId}`, 'all'])
    await app.hub.publish({ topic: `user:${bobId}`, type: 'n', data: 'for bob' })
    await app.hub.publish({ topic: topics[1] as string, type: 'n', data: 'for this session' })
    await app.hub.publish({ topic: `user:${adaId}`, type: 'n', data: 'for ada' })
    expect([(await reader.next()).data, (await reader.next()).data]).toEqual(['for this session', 'for ada'])

    const poll = await call(app, '/events?since=start', bob)
    expect(poll.body.events.map(({ data }: { data: unknown }) => data)).toEqual(['for bob'])
    expect(await call(app, `/events?topic=user:${adaId}`, bob)).toMatchObject({ status: 403 })
    expect((await publish(app, ada)).status).toBe(201)
    const { status, body } = await call(app, '/tokens', ada, { method: 'POST' })
    expect(status).toBe(201)
    expect(JSON.parse(atob(body.token.split('.')[1]))).toMatchObject({ sub: adaId, sid: topics[1]?.slice(8) })
    const bearing = { headers: { authorization: `Bearer ${body.token}` } }
    expect((await call(app, `/events?topic=user:${adaId}&topic=role:EDITOR`, null, bearing)).status).toBe(200)
    expect((await call(app, `/events?topic=user:${bobId}`, null, bearing)).status).toBe(403)
  })

  test('A1: tampered with, expired or signed out it is 401 everywhere, where somebody without one is let in', async () => {
    const app = await make()
    expect((await call(app, '/events?topic=news', null)).status).toBe(200)
    expect((await call(app, '/events?topic=news', 'theme=dark')).status).toBe(200)
    const left = await app.signIn('ada')
    expect((await call(app, '/events?topic=news', left)).status).toBe(200)
    await app.signOut(left)
    const bad = { tampered: tampered(await app.signIn('ada')), expired: await app.expired('ada'), 'signed out': left }
    for (const [what, cookie] of Object.entries(bad)) {
      for (const more of [cookie, `theme=dark; ${cookie}`]) {
        for (const accept of ['text/event-stream', 'application/json', 'text/event-stream, application/problem+json']) {
          const answer = await call(app, '/events?topic=news', more, { headers: { accept } })
          expect([what, accept, answer.status, answer.body.code]).toEqual([what, accept, 401, 'unauthorized'])
        }
        expect([what, (await publish(app, more)).status]).toEqual([what, 401])
        expect([what, (await call(app, '/tokens', more, { method: 'POST' })).status]).toEqual([what, 401])
      }
    }
  })

  test('A5: a revoked session ends and stays out, a revoked user’s is asked again', async () => {
    const app = await make()
    const [first, second] = [await app.signIn('ada'), await app.signIn('ada')]
    const [one, other] = [await open(app, first), await open(app, second)]
    const { topics } = (await one.control('hello')) as unknown as { topics: string[] }
    await other.control('hello')
    expect(await app.hub.revoke({ session: (topics[1] as string).slice('session:'.length) })).toEqual({ closed: 1 })
    expect(await one.control('bye')).toMatchObject({ reason: 'revoked', reconnect: false })
    expect((await call(app, '/events', first)).status).toBe(401)
    expect((await publish(app, first)).status).toBe(401)
    expect((await call(app, '/events', second)).status).toBe(200)
    expect(await app.hub.revoke({ user: app.userIdOf('ada') })).toEqual({ closed: 1 })
    expect(await other.control('bye')).toMatchObject({ reason: 'revoked', reconnect: true })
    expect((await call(app, '/events', second)).status).toBe(200)
    expect((await call(app, '/events', await app.signIn('ada'))).status).toBe(200)
  })

  test('T4: a page of another site writes nothing with it and opens nothing', async () => {
    const app = await make()
    const cookie = await app.signIn('ada')
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
    ] as Record<string, string>[])
      expect(await publish(app, cookie, headers)).toMatchObject({ status: 403, body: { code: 'origin_forbidden' } })
    const opened = await call(app, '/events', cookie, { headers: { origin: 'https://evil.example' } })
    expect(opened).toMatchObject({ status: 403, body: { code: 'origin_forbidden' } })
    const form = { 'content-type': 'text/plain' }
    expect((await publish(app, cookie, form)).status).toBeGreaterThanOrEqual(400)
    expect((await publish(app, cookie, { origin: app.url })).status).toBe(201)
    expect((await publish(app, cookie, { 'sec-fetch-site': 'same-origin' })).status).toBe(201)
    expect(app.hub.stats().published).toBe(2)
  })
})
