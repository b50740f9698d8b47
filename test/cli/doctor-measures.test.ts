import { once } from 'node:events'
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, createServer } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { examine } from '#src/cli/doctor/doctor.js'
import type { Finding } from '#src/cli/doctor/finding.js'
import { type Clock, systemClock } from '#src/clock.js'
import { toNodeHandler } from '#src/http/node.js'
import { faultProxy } from '#src/testing/fault-proxy.js'
import { type TestHub, headersOf, root, startHub } from '../http/server.js'

/** What the doctor finds at this address, signed in as somebody who may do everything. */
async function findings(url: string): Promise<{ wrong: string[]; of: (code: string) => Finding | undefined }> {
  const all = await examine(
    { url, headers: headersOf({ ...root, admin: true }), query: [] },
    { idleMs: 500, insecure: false, found: () => {}, watching: () => {} },
  )
  const complaints = all.filter(({ level }) => level === 'bad' || level === 'warning')
  // What holds up this process holds up its hub.
  const wrong = complaints.filter(({ says }) => !says.includes('event loop was held up')).map(({ code }) => code)
  return { wrong: wrong.filter((code) => code !== 'store-memory'), of: (code) => all.find((one) => one.code === code) }
}

/** A machine that stands still is slow, and the doctor says so: then it looks again. */
const calmly = (look: () => Promise<void>) => vi.waitFor(look, { timeout: 120_000 })

async function behind({ port }: TestHub) {
  const proxy = await faultProxy({ port })
  onTestFinished(() => proxy.close())
  return proxy
}

/** A proxy that passes replies on by the clock: what came meanwhile goes in one piece. */
async function batching({ port }: TestHub, everyMs: number): Promise<string> {
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    const held: Buffer[] = []
    far.on('data', (bytes) => void held.push(bytes))
    near.pipe(far)
    const timer = setInterval(() => held.length > 0 && near.write(Buffer.concat(held.splice(0))), everyMs)
    const end = (): void => {
      clearInterval(timer)
      if (!near.destroyed) near.end(Buffer.concat(held.splice(0)))
      far.destroy()
    }
    for (const side of [near, far]) side.on('error', end).on('close', end)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`
}

type Answerer = (request: IncomingMessage, response: ServerResponse, pass: () => void) => boolean

/** The hub with something before it that answers some requests in its own way; true: it has. */
async function intercepted({ hub }: TestHub, answer: Answerer) {
  const handler = toNodeHandler(hub)
  const server = createHttpServer((request, response) => {
    const pass = (): void => handler(request, response)
    if (!answer(request, response, pass)) pass()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`
}

const isStream = ({ headers }: IncomingMessage): boolean => headers.accept?.includes('text/event-stream') === true

test('O5: with nothing in between, first byte, round trip, pace and clock are measured and good', async () => {
  const { url } = await behind(await startHub())
  await calmly(async () => {
    const { wrong, of } = await findings(url)
    expect(wrong).toEqual([])
    expect(of('first-byte')?.says).toMatch(
      /headers after \d{1,3} ms, first byte after \d{1,3} ms, hello after \d{1,3} ms/,
    )
    expect(of('round-trip')?.says).toMatch(/From publish to arrival: \d{1,3} ms/)
    expect(of('merging')?.level).toBe('ok')
    expect(of('clock')?.level).toBe('ok')
  })
})

test('O5: a first byte that comes late is told with its time', async () => {
  const url = await intercepted(await startHub(), (request, _, pass) => {
    if (isStream(request)) setTimeout(pass, 1_400)
    return isStream(request)
  })
  await calmly(async () => {
    const { wrong, of } = await findings(url)
    expect(wrong).toEqual(['slow-start'])
    expect(of('slow-start')?.says).toMatch(/hello after (1[3-9]|2\d)\d\d ms/)
  })
})

test('O5: a proxy that collects what comes and passes it on together is told from one that holds streams back', async () => {
  const url = await batching(await startHub(), 450)
  await calmly(async () => {
    const { wrong, of } = await findings(url)
    expect(wrong).toEqual(['merging'])
    expect(of('merging')?.says).toContain('came together')
    expect(of('round-trip')?.level).toBe('ok')
  })
})

test('O5: a hub whose clock is ahead or behind is told by how much', async () => {
  for (const [aheadMs, says] of [
    [30_000, /Its clock is (29|30)(\.\d)? s ahead of ours/],
    [-7_200_000, /Its clock is (7200|7199)(\.\d)? s behind ours/],
  ] as const) {
    const clock: Clock = { ...systemClock, now: () => Date.now() + aheadMs }
    const { url } = await startHub({ clock })
    await calmly(async () => {
      const { wrong, of } = await findings(url)
      expect(wrong).toEqual(['clock'])
      expect(of('clock')?.says).toMatch(says)
    })
  }
})

test.each<[string, string, Answerer]>([
  [
    'a stream that is cut before its first event',
    'cut',
    (request, response) => {
      if (!isStream(request)) return false
      response.writeHead(200, { 'content-type': 'text/event-stream' }).end()
      return true
    },
  ],
  [
    'a publish whose event never arrives',
    'round-trip',
    ({ method }, response) => {
      if (method !== 'POST') return false
      response.writeHead(201, { 'content-type': 'application/json' }).end('{}')
      return true
    },
  ],
  [
    'an answer that something in between cut short',
    'cut-answer',
    ({ url }, response) => {
      if (url !== '/diagnosis') return false
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"now":1,')
      return true
    },
  ],
  [
    'an answer that breaks off',
    'cut-answer',
    ({ url }, response) => {
      if (url !== '/diagnosis') return false
      response.destroy()
      return true
    },
  ],
])('O5: %s is told as "%s"', async (_, code, answer) => {
  const url = await intercepted(await startHub(), answer)
  await calmly(async () => {
    const { wrong, of } = await findings(url)
    expect(wrong).toEqual([code])
    expect(of(code)?.level).toBe('bad')
  })
})
