import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Client, createClient } from '#src/client/index.js'
import { seededRandom } from '#src/testing/seeded-random.js'

/** Each rule of reading a stream in one wire, over sockets and the real `fetch`: what `decode` shows alone holds for the client. */
const hello = JSON.stringify({ connectionId: 'c1', heartbeatMs: 25_000, protocol: 1, resumed: false, topics: ['a'] })
const event = (n: number, data: unknown) => JSON.stringify({ id: `i${n}`, type: 'x', topic: 'a', seq: n, data })
const wire = Buffer.from(
  [
    // One byte order mark (P13.1), a lone CR, LF and CRLF as they come (P13.2).
    `\ufeffretry: 1000x\rretry: 1e3\nretry: -1\r\nid: e.0\revent:hello\rdata:${hello}\r\r`,
    // Names count by case, with NUL and spaces; unknown ones and comments change nothing (P13.3, P13.4).
    `: note\nevent: x\nData: {}\ndata\0: {}\n data: {}\nfoo: bar\ndata: ${event(1, 'é€😀\ufeff')}\nid: e.1\n\n`,
    // A type or an id alone dispatches nothing, and the type is forgotten (P13.5).
    `event: y\n\nid: e.1\n\n`,
    // Several lines of data are one (P13.6).
    `event: x\rid: e.2\rdata: ${event(2, 'two').replace(',', ',\rdata: ')}\r\r`,
    // An id with NUL is none, and the one before it stays (P13.8).
    `id: e.9\0\nevent: x\ndata: ${event(3, 'three')}\n\n`,
    // Alone, an id counts from its empty line on (P13.11); what has none is discarded with its id (P13.7).
    `id: e.7\r\n\r\nevent: x\nid: e.8\ndata: ${event(8, 'never')}\n`,
  ].join(''),
)

const random = seededRandom(11)
function* atRandom(): Generator<Buffer> {
  for (let at = 0; at < wire.length; ) {
    const size = 1 + Math.floor(random.fraction() * 60)
    yield wire.subarray(at, at + size)
    at += size
  }
}

type Answer = (response: ServerResponse, request: IncomingMessage) => unknown

/** A server that answers each request to its events by the next of these, and the last one again and again. */
async function serve(...answers: Answer[]) {
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => {
    requests.push(request)
    const answer = answers[Math.min(requests.length, answers.length) - 1] as Answer
    void answer(response, request)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { requests, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

function connect(url: string): { client: Client; got: unknown[]; errors: string[] } {
  const client = createClient({ url, transport: 'sse' })
  onTestFinished(() => client.close())
  const got: unknown[] = []
  const errors: string[] = []
  client.onError(({ kind }) => errors.push(kind))
  client.subscribe('a', { '*': ({ data }) => got.push(data) })
  return { client, got, errors }
}

const type = { 'Content-Type': 'text/event-stream' }
const silent: Answer = (response) => void response.writeHead(200, type).write(':\n\n')
const status = (client: Client) => client.status.getSnapshot().status

describe('the wire, as the real client reads it', () => {
  test.each([
    ['whole', () => [wire]],
    ['byte by byte', () => Array.from(wire, (byte) => Buffer.of(byte))],
    ...Array.from({ length: 5 }, () => ['cut at random', atRandom] as const),
  ] as const)('[P13.1] to [P13.11]: every rule in one stream, %s', async (_, parts) => {
    const { requests, url } = await serve(async (response) => {
      response.writeHead(200, type)
      for (const part of parts()) {
        response.write(part)
        // Each part is a packet of its own.
        await new Promise(setImmediate)
      }
      response.end()
    }, silent)
    const { got, errors } = connect(url)
    await expect.poll(() => requests.length).toBe(2)
    expect(got).toEqual(['é€😀\ufeff', 'two', 'three'])
    expect(requests.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, 'e.7'])
    expect(errors).toEqual(['connection'])
  })

  test('[P13.2] a lone CR ends its line at once: the event is there while nothing follows', async () => {
    const { url } = await serve((response) =>
      response.writeHead(200, type).write(`event: hello\rdata: ${hello}\r\revent: x\rdata: ${event(1, 'now')}\r\r`),
    )
    const { got } = connect(url)
    await expect.poll(() => got).toEqual(['now'])
  })

  test.each([
    ['text/event-stream', true],
    ['text/event-stream;', true],
    ['Text/Event-Stream ; charset=iso-8859-1', true],
    ['text/event-stream bogus', false],
    ['text/event-streams', false],
    ['text/plain', false],
  ])('C5: an answer 200 of type "%s" is a stream: %s', async (given, isStream) => {
    const { url } = await serve((response) =>
      response
        .writeHead(200, { 'Content-Type': given })
        .write(`event: hello\ndata: ${hello}\n\nevent: x\ndata: ${event(1, 'é')}\n\n`),
    )
    const { client, got } = connect(url)
    await expect.poll(() => status(client)).toBe(isStream ? 'connected' : 'waiting')
    expect(got).toEqual(isStream ? ['é'] : [])
  })

  test('C2: redirects are followed, and the next connection asks at the first address again', async () => {
    for (const code of [301, 302, 307, 308]) {
      const moved: Answer = (response) => response.writeHead(code, { Location: '/elsewhere' }).end()
      const short: Answer = (response) => response.writeHead(200, type).end(`id: e.4\nevent: hello\ndata: ${hello}\n\n`)
      const { requests, url } = await serve(moved, short, silent)
      connect(url)
      await expect.poll(() => requests.length).toBe(3)
      expect(requests.map((request) => request.url?.split('?')[0])).toEqual(['/events', '/elsewhere', '/events'])
      expect(requests[2]?.headers['last-event-id']).toBe('e.4')
    }
  })

  test('C2: a request asks for a stream, past every cache; without a place it has no Last-Event-ID', async () => {
    const { requests, url } = await serve(silent)
    connect(url)
    await expect.poll(() => requests.length).toBe(1)
    const { headers } = requests[0] as IncomingMessage
    expect(headers.accept).toBe('text/event-stream, application/problem+json')
    expect(headers['cache-control']).toBe('no-cache')
    expect(headers).not.toHaveProperty('last-event-id')
  })

  test('D4, [P13.11] cut between a hello and its gap, it comes back with the cursor for which the gap is told', async () => {
    const from = (epoch: string) => hello.replace('{', `{"cursor":"${epoch}.0",`)
    const send = (response: ServerResponse, ...blocks: string[]) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' })
      for (const block of blocks) response.write(`${block}\n\n`)
    }
    const greeting = (epoch: string) => `retry: 1000\nid: ${epoch}.0\nevent: hello\ndata: ${from(epoch)}\n\n:`
    const gap = 'event: gap\ndata: {"reason":"epoch","cursor":"f.0"}'
    const { requests, url } = await serve(
      (response) => {
        send(response, greeting('e'), `id: e.5\nevent: x\ndata: ${event(5, 'before')}`)
        response.end()
      },
      (response) => {
        send(response, greeting('f'))
        response.end()
      },
      (response) => {
        send(response, greeting('f'), gap)
        response.end()
      },
      (response) => send(response, greeting('f'), `id: f.1\nevent: x\ndata: ${event(1, 'after')}`),
    )
    const { client, got } = connect(url)
    const gaps: unknown[] = []
    client.subscribe('a', {}, { onGap: ({ reason }) => gaps.push(reason) })
    await expect.poll(() => got).toEqual(['before', 'after'])
    expect(requests.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, 'e.5', 'e.5', 'f.0'])
    expect(gaps).toEqual(['epoch'])
  })

  test('H3: 204 is the end; `id` without a value gives up the place', async () => {
    const { requests, url } = await serve(
      (response) => response.writeHead(200, type).end(`id: e.4\nevent: hello\ndata: ${hello}\n\nid\n\n`),
      (response) => response.writeHead(204).end(),
    )
    const { client } = connect(url)
    await expect.poll(() => requests.length).toBe(2)
    await expect.poll(() => status(client)).toBe('idle')
    expect(requests[1]?.headers).not.toHaveProperty('last-event-id')
  })

  test.each(['close', 'disconnect'] as const)('C2: %s() while it waits to come back: it does not', async (how) => {
    const { requests, url } = await serve((response) => response.writeHead(200, type).end('retry: 1\n\n'))
    const { client } = connect(url)
    // At once: the pause is random and may be over in a ms.
    await new Promise<void>((resolve) => {
      client.status.subscribe(() => {
        if (status(client) !== 'waiting') return
        client[how]()
        resolve()
      })
    })
    // Longer than the pause could be.
    await new Promise((resolve) => setTimeout(resolve, 1_200))
    expect(requests).toHaveLength(1)
  })
})
