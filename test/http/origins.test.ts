import { connect } from 'node:net'
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { createHub } from '#src/index.js'
import { headersOf, root, startHub } from './server.js'

const app = 'https://app.example.com'
const poll = '/events?topic=user:root'
const asked = { accept: 'application/json' }

describe('pages of other origins', () => {
  test('[P4.10] H5: a listed origin gets itself, with credentials; others get nothing', async () => {
    const { call } = await startHub({ allowedOrigins: [app] })
    const { headers } = await call(poll, { ...asked, headers: { origin: app } })
    expect(headers.get('access-control-allow-origin')).toBe(app)
    expect(headers.get('access-control-allow-credentials')).toBe('true')
    expect(headers.get('access-control-expose-headers')).toBe('Retry-After, Tidings-Connection-Id')
    expect(headers.get('vary')).toBe('Origin')
    const strangers = ['https://evil.com', 'https://app.example.com.evil.com', 'http://app.example.com', 'null']
    for (const origin of [...strangers, `${app}:444`, app.toUpperCase()]) {
      const answer = await call(poll, { ...asked, headers: { origin } })
      expect(answer.headers.get('access-control-allow-origin'), origin).toBeNull()
      expect(answer.headers.get('access-control-allow-credentials'), origin).toBeNull()
      expect(answer.headers.get('vary')).toBe('Origin')
    }
  })

  test('[P4.10] H5: a stream and a refusal say it too', async () => {
    const { url, call } = await startHub({ allowedOrigins: [app] })
    const { port } = new URL(url)
    const socket = connect(Number(port), '127.0.0.1')
    const session = encodeURIComponent(JSON.stringify({ userId: '7' }))
    socket.write(
      `GET /events?topic=user:7 HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nOrigin: ${app}\r\nX-Session: ${session}\r\n\r\n`,
    )
    const [head] = (await once(socket, 'data')) as [Buffer]
    socket.destroy()
    expect(String(head)).toContain(`Access-Control-Allow-Origin: ${app}`)
    expect(String(head)).toContain('X-Content-Type-Options: nosniff')
    const refused = await call(poll, { as: null, ...asked, headers: { origin: app } })
    expect(refused.status).toBe(401)
    expect(refused.headers.get('access-control-allow-origin')).toBe(app)
  })

  test('[P4.10] H5: "*" never comes with credentials', async () => {
    const { call } = await startHub({ allowedOrigins: ['*', app] })
    const stranger = await call(poll, { ...asked, headers: { origin: 'https://evil.com' } })
    expect(stranger.headers.get('access-control-allow-origin')).toBe('*')
    expect(stranger.headers.get('access-control-allow-credentials')).toBeNull()
    const known = await call(poll, { ...asked, headers: { origin: app } })
    expect(known.headers.get('access-control-allow-credentials')).toBe('true')
  })

  test('[P4.11] H5: a preflight is answered with what the path takes', async () => {
    const { call } = await startHub({ allowedOrigins: [app] })
    const ask = (origin: string) =>
      call('/jobs/1', { as: null, method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'PATCH' } })
    const answer = await ask(app)
    expect(answer.status).toBe(204)
    expect(answer.headers.get('access-control-allow-methods')).toBe('GET, PATCH, DELETE')
    expect(answer.headers.get('access-control-allow-headers')).toBe(
      'Authorization, Content-Type, Last-Event-ID, Cache-Control',
    )
    const stranger = await ask('https://evil.com')
    expect(stranger.headers.get('access-control-allow-methods')).toBeNull()
    expect(stranger.headers.get('access-control-allow-origin')).toBeNull()
  })

  test('H5: what is no origin is refused at the start, by name', async () => {
    for (const [origin, field] of [
      ['https://app.example.com/', 'allowedOrigins[0]'],
      ['app.example.com', 'allowedOrigins[0]'],
      ['https://*.example.com', 'allowedOrigins[0]'],
      ['null', 'allowedOrigins[0]'],
      [7, 'allowedOrigins[0]'],
    ]) {
      await expect(createHub({ development: true, allowedOrigins: [origin as string] })).rejects.toMatchObject({
        code: 'option_invalid',
        field,
      })
    }
  })
})

describe('credentials that a browser adds by itself', () => {
  const cookie = { cookie: 'session=1' }
  const write = { body: { topic: 'a', type: 'n' } }

  test('[P4.12] T4: a page of another site cannot write with them, nor read or hold a stream', async () => {
    const { call, hub, url } = await startHub({ allowedOrigins: [app] })
    const own = url.replace('http:', 'https:')
    const statuses = async (headers: Record<string, string>): Promise<number[]> => [
      (await call('/events', { ...write, headers: { ...cookie, ...headers } })).status,
      (await call('/jobs/none/cancel', { method: 'POST', headers: { ...cookie, ...headers } })).status,
      (await call(poll, { ...asked, headers: { ...cookie, ...headers } })).status,
    ]
    for (const origin of ['https://evil.com', 'null', 'http://127.0.0.1:1', `${url}.evil.com`])
      expect(await statuses({ origin }), origin).toEqual([403, 403, 403])
    for (const site of ['cross-site', 'same-site'])
      expect(await statuses({ 'sec-fetch-site': site }), site).toEqual([403, 403, 403])
    // Node's fetch says of itself how it fetches. A link that is followed reads, and writes nothing.
    const linked = async (method: string) => {
      const headers = {
        ...cookie,
        ...headersOf(root),
        ...asked,
        'sec-fetch-site': 'cross-site',
        'sec-fetch-mode': 'navigate',
      }
      return (await hub.fetch(new Request(url + poll, { method, headers }))).status
    }
    expect([await linked('GET'), await linked('POST')]).toEqual([200, 403])
    for (const headers of [{}, { origin: app }, { origin: url }, { origin: own }, { 'sec-fetch-site': 'same-origin' }])
      expect(await statuses(headers as Record<string, string>)).toEqual([201, 404, 200])
  })

  test('[P4.12] T5: the development user of another page is nobody', async () => {
    const { call } = await startHub({ development: true, authenticate: () => null })
    const ask = (origin: string) => call('/events?userId=7', { as: null, ...write, headers: { origin } })
    expect(await ask('https://evil.com')).toMatchObject({ status: 403, body: { code: 'origin_forbidden' } })
  })

  test.each(['Basic YTpi', 'basic YTpi', 'Negotiate YII=', 'Digest username="a"', 'NTLM TlRM'])(
    '[P4.12] T4: what a browser asks for once and then sends along by itself is such a credential: %s',
    async (authorization) => {
      const { call } = await startHub()
      const ping = async (headers: Record<string, string>) =>
        (await call('/connections/ping', { as: { ...root, admin: true }, method: 'POST', headers })).status
      expect(await ping({ authorization, origin: 'https://evil.com' })).toBe(403)
      expect(await ping({ authorization, 'sec-fetch-site': 'cross-site' })).toBe(403)
      expect(await ping({ authorization })).toBe(200)
    },
  )

  test('[P4.12] T4: the same name by another scheme is another site, and a frame is no link', async () => {
    const { hub, url } = await startHub()
    const { host } = new URL(url)
    const ask = async (method: string, headers: Record<string, string>) => {
      const init = { method, headers: { ...cookie, ...headersOf(root), ...asked, ...headers } }
      return (await hub.fetch(new Request(url + (method === 'GET' ? poll : '/jobs/none/cancel'), init))).status
    }
    // Whoever is between a reader and http:// writes such a page.
    for (const site of ['cross-site', 'same-site'])
      expect(await ask('POST', { origin: `http://${host}`, 'sec-fetch-site': site })).toBe(403)
    expect(await ask('POST', { origin: `https://${host}`, 'sec-fetch-site': 'same-origin' })).toBe(404)
    const navigate = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }
    for (const [destination, status] of [
      ['iframe', 403],
      ['embed', 403],
      ['document', 200],
    ] as const)
      expect(await ask('GET', { ...navigate, 'sec-fetch-dest': destination })).toBe(status)
  })

  test('[P4.12] without a cookie nothing was added', async () => {
    const { call } = await startHub()
    expect((await call('/events', { ...write, headers: { origin: 'https://evil.com' } })).status).toBe(201)
  })
})
