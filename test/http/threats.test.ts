import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { describe, expect, onTestFinished, test } from 'vitest'
import { canSubscribe } from '#src/auth/grants.js'
import { createClient } from '#src/client/index.js'
import { readStream } from '../fixtures/stream.js'
import { root, startHub } from './server.js'

/** What a raw connection is answered, until it is closed. */
async function raw(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let heard = ''
  socket.on('data', (bytes) => {
    heard += bytes
  })
  socket.on('error', () => {})
  socket.write(text)
  await once(socket, 'close')
  return heard
}

describe('threats', () => {
  test('T13: an expiry in years is no expiry at once, whatever a timer can hold', async () => {
    const { hub, stream } = await startHub()
    const day = 86_400_000
    for (const days of [24, 25, 50, 3_650]) {
      const reader = await stream({ as: { ...root, expiresAt: Date.now() + days * day }, topics: ['a'] })
      await reader.control('hello')
      await hub.publish({ topic: 'a', type: 'n', data: days })
      expect((await reader.next()).data).toBe(days)
      expect(reader.controls.map(({ name }) => name)).not.toContain('bye')
    }
  })

  test('T15: a compressed body is never unpacked', async () => {
    const { url, hub } = await startHub()
    const session = encodeURIComponent(JSON.stringify(root))
    for (const encoding of ['gzip', 'deflate', 'br']) {
      const body = gzipSync(JSON.stringify({ topic: 'a', type: 'n', data: 'x'.repeat(5_000_000) }))
      const response = await fetch(`${url}/events`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-encoding': encoding, 'x-session': session },
        body,
      })
      expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([400, 'body_invalid'])
    }
    expect(hub.stats().published).toBe(0)
  })

  test('T17: a cursor, a client or a topic of any length is refused or a gap, and kept nowhere', async () => {
    const { call, poll } = await startHub()
    const long = 'a'.repeat(8_000)
    expect((await poll(`topic=a&since=${long}`)).status).toBe(400)
    expect((await poll(`topic=a&since=${'a'.repeat(70)}.1`)).status).toBe(400)
    const gap = await poll('topic=a', { headers: { 'last-event-id': long } })
    expect([gap.status, gap.body.gaps]).toEqual([200, [expect.objectContaining({ reason: expect.any(String) })]])
    for (const query of [`topic=${long}`, `topic=a&client=${long}`, `topic=a&type=${long}`, `topic=a&wait=${long}`]) {
      const answer = await call(`/events?${query}`, { accept: 'application/json' })
      expect(answer.status).toBe(400)
      // What is shown of it is bounded.
      expect(JSON.stringify(answer.body).length).toBeLessThan(1_000)
    }
    expect((await call(`/jobs/${long}`)).status).toBe(400)
    expect((await call(`/connections/${long}`, { as: { ...root, admin: true } })).status).toBeGreaterThanOrEqual(400)
  })

  test('T17: a name that the sender made up is told and kept shortened, however long it was', async () => {
    const { call } = await startHub()
    const long = 'x'.repeat(500_000)
    for (const [path, body] of [
      ['/tokens', { [long]: 1 }],
      ['/events', { topic: 'a', type: 'n', [long]: 1 }],
      ['/events', [{ topic: 'a', type: 'n', to: { [long]: 1 } }]],
      ['/jobs', { owner: 'user:7', kind: 'k', [long]: 1 }],
      ['/revocations', { [long]: 'a' }],
    ] as const) {
      const answer = await call(path, { as: { ...root, admin: true }, body })
      expect(answer.status, path).toBe(400)
      expect(JSON.stringify(answer.body).length, path).toBeLessThan(3_000)
    }
    // A few per path: the log keeps a thousand of them.
    const activity = await call('/activity?kind=refused', { as: { ...root, admin: true } })
    expect(activity.body.entries).toHaveLength(4)
    expect(JSON.stringify(activity.body).length).toBeLessThan(4_000)
    const strange = await call('/tokens', { as: { ...root, admin: true }, body: { 'a\u009b31m\u202eb': 1 } })
    expect(strange.body.field).toBe('a\ufffd31m\ufffdb')
  })

  test('T23: a hub that sends its readers elsewhere does not get them to take their token along', async () => {
    const seen: { path: string; authorization: string | undefined; cookie: string | undefined }[] = []
    const start = async (answer: (path: string) => [number, Record<string, string>, string]) => {
      const server = createServer((request, response) => {
        const { authorization, cookie } = request.headers
        seen.push({ path: request.url ?? '', authorization, cookie })
        const [status, headers, body] = answer(request.url ?? '')
        response.writeHead(status, headers).end(body)
      }).listen(0, '127.0.0.1')
      await once(server, 'listening')
      onTestFinished(() => void server.close())
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    }
    const elsewhere = await start(() => [503, { 'retry-after': '9' }, ''])
    const hub = await start((path) => [307, { location: `${elsewhere}/elsewhere${path}` }, ''])
    const client = createClient({ url: hub, getToken: () => 'the token of somebody', identity: null })
    onTestFinished(() => client.close())
    client.subscribe('a', { '*': () => {} })
    await expect.poll(() => seen.some(({ path }) => path.startsWith('/elsewhere'))).toBe(true)
    for (const { path, authorization } of seen)
      expect([path.startsWith('/elsewhere'), authorization]).toEqual(
        path.startsWith('/elsewhere') ? [true, undefined] : [false, 'Bearer the token of somebody'],
      )
  })

  test('T25: a pattern is a beginning, so that none takes long to match', () => {
    const topic = `a:${'a'.repeat(250)}`
    const subscribe = Array.from({ length: 10_000 }, (_, n) => `a:${'a'.repeat(n % 250)}${n}*`)
    const principal = {
      namespace: 'default',
      roles: [],
      subscribe,
      publish: [],
      admin: false,
      method: 'session',
    } as const
    // Of the CPU: a machine that does other things takes longer by the clock.
    const before = process.cpuUsage()
    expect(canSubscribe(principal, topic)).toBe(false)
    const { user, system } = process.cpuUsage(before)
    expect((user + system) / 1_000).toBeLessThan(200)
  })

  test('T26: one request is not two: lengths that contradict each other are refused and the connection closed', async () => {
    const { port, hub } = await startHub()
    const session = `X-Session: ${encodeURIComponent(JSON.stringify(root))}\r\nContent-Type: application/json\r\n`
    const inner = '{"topic":"a","type":"n"}'
    const hidden = `POST /events HTTP/1.1\r\nHost: h\r\n${session}Content-Length: ${inner.length}\r\n\r\n${inner}`
    const head = `POST /events HTTP/1.1\r\nHost: h\r\n${session}`
    for (const [what, text] of Object.entries({
      'both lengths': `${head}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
      'two lengths': `${head}Content-Length: 0\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
      'a folded header': `${head}Transfer-Encoding:\r\n chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n${hidden}`,
      'an encoding in disguise': `${head}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${hidden}`,
      'a length with a sign': `${head}Content-Length: +0\r\n\r\n${hidden}`,
      'a space before the colon': `${head}Content-Length : 0\r\n\r\n${hidden}`,
    })) {
      const heard = await raw(port, text)
      expect([what, heard.match(/HTTP\/1\.1 \d+/g)]).toEqual([what, ['HTTP/1.1 400']])
    }
    expect(hub.stats().published).toBe(0)
  })

  test('T26: no address is built from the Host of a request', async () => {
    const { port } = await startHub()
    for (const path of ['/nothing', '/events?topic=a%20b', '/tokens']) {
      const heard = await raw(port, `GET ${path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n`)
      expect(heard).toMatch(/^HTTP\/1\.1 4\d\d /)
      expect(heard).not.toContain('evil.example')
    }
  })

  test('A6: what a client calls itself gives no right, and takes no place of another person', async () => {
    const { url, hub, poll } = await startHub()
    const client = 'c'.repeat(32)
    const open = async (userId: string) => {
      const reader = await readStream(url, {
        topics: [`user:${userId}`],
        headers: { 'x-session': encodeURIComponent(JSON.stringify({ userId })) },
        query: { client },
      })
      onTestFinished(() => reader.close())
      await reader.control('hello')
      return reader
    }
    const ada = await open('ada')
    const bob = await open('bob')
    expect((await poll(`topic=user:ada&client=${client}`, { as: { userId: 'bob' } })).status).toBe(403)
    await hub.publish({ topic: 'user:ada', type: 'n', data: 'for ada' })
    expect((await ada.next()).data).toBe('for ada')
    expect(ada.controls.map(({ name }) => name)).not.toContain('bye')
    expect(bob.all()).toEqual([])
  })
})
