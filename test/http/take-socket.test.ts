import { once } from 'node:events'
import {
  type ClientRequest,
  createServer,
  get,
  type IncomingMessage,
  type ServerOptions,
  type ServerResponse,
} from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { toNodeHandler } from '#src/http/node.js'
import { createHub, type HubOptions } from '#src/index.js'
import { memoryStore } from '#src/store/memory.js'
import { collect } from '../fixtures/collect.js'

/** Room for a busy machine. */
const slow = { timeout: 20_000 }

async function startServer(
  takeSockets: boolean,
  seen?: (response: ServerResponse) => void,
  options: Partial<HubOptions> = {},
  sockets: ServerOptions = {},
) {
  const hub = await createHub({ development: true, unsentBytes: 1_000, ...options })
  const handler = toNodeHandler(hub, { takeSockets })
  const server = createServer(sockets, (request, response) => {
    seen?.(response)
    handler(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  onTestFinished(async () => {
    await hub.close({ drainMs: 100 })
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { hub, server, port, url: `http://127.0.0.1:${port}/events?topic=user:7&userId=7` }
}

async function openStream(url: string): Promise<{ request: ClientRequest; response: IncomingMessage; text(): string }> {
  const request = get(url, { agent: false, headers: { Accept: 'text/event-stream' } })
  request.on('error', () => {})
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  let text = ''
  response.setEncoding('utf8').on('data', (part: string) => {
    text += part
  })
  response.on('error', () => {})
  return { request, response, text: () => text }
}

describe.each([true, false])('with takeSockets %s', (takeSockets) => {
  test('H1, H3: a stream begins with hello, carries events, and ends whole, with bye', async () => {
    const { hub, url } = await startServer(takeSockets)
    const { response, text } = await openStream(url)
    await expect.poll(text, slow).toContain('event: hello')
    await hub.publish({ topic: 'user:7', type: 'n', data: 'é✓' })
    await expect.poll(text, slow).toContain('é✓')
    const ended = once(response, 'end')
    await hub.close({ drainMs: 1_000 })
    await ended
    expect(text()).toContain('event: bye')
    expect(response.complete).toBe(true)
  })

  test('A6: a reader that goes, by reset or by half-closing, is forgotten', async () => {
    const { hub, url, port } = await startServer(takeSockets)
    const { request, text } = await openStream(url)
    await expect.poll(text, slow).toContain('hello')
    request.destroy()
    await expect.poll(() => hub.stats().connections, slow).toBe(0)

    const socket = connect(port, '127.0.0.1')
    socket.write('GET /events?topic=user:7&userId=7 HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n')
    await once(socket, 'data')
    expect(hub.stats().connections).toBe(1)
    socket.end()
    await expect.poll(() => hub.stats().connections, slow).toBe(0)
  })

  test('what a reader sends into its stream is thrown away', async () => {
    const { hub, port } = await startServer(takeSockets)
    const socket = connect(port, '127.0.0.1')
    let text = ''
    socket.on('data', (part) => {
      text += String(part)
    })
    socket.write('GET /events?topic=user:7&userId=7 HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n')
    await expect.poll(() => text, slow).toContain('hello')
    socket.write('GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
    await hub.publish({ topic: 'user:7', type: 'n', data: 'still here' })
    await expect.poll(() => text, slow).toContain('still here')
    expect(text.match(/HTTP\/1\.1 200/g)).toHaveLength(1)
    socket.destroy()
  })

  test('D6: a reader that stops taking bytes gets the rest when it goes on', async () => {
    const { hub, url } = await startServer(takeSockets)
    const { response, text } = await openStream(url)
    await expect.poll(text, slow).toContain('hello')
    response.pause()
    const data = 'x'.repeat(50_000)
    for (let number = 0; number < 70; number++)
      await hub.publish({ topic: 'user:7', type: 'n', data: `${number} ${data}` })
    response.resume()
    await expect.poll(() => text().match(/"data":"(\d+) x/g)?.length, slow).toBe(70)
  })

  test('D6: the same where the socket itself takes more than the hub leaves unsent, with nothing to follow', async () => {
    // Node tells 'drain' only of a socket that held more than its own mark.
    let socket: Socket | null = null
    const { hub, url } = await startServer(
      takeSockets,
      (response) => {
        socket = response.socket
      },
      { heartbeatMs: 60_000, store: memoryStore({ retention: { events: 2_000, bytes: 100_000_000 } }) },
      { highWaterMark: 64 * 1024 * 1024 },
    )
    const { response, text } = await openStream(url)
    await expect.poll(text, slow).toContain('hello')
    response.pause()
    const data = 'x'.repeat(20_000)
    let number = 0
    // What a reader that takes nothing is sent waits here when the operating system has had enough.
    for (let waiting = 0; waiting < 20; number++) {
      await hub.publish({ topic: 'user:7', type: 'n', data: `${number} ${data}` })
      await new Promise((resolve) => setImmediate(resolve))
      if ((socket as Socket | null)?.writableLength) waiting++
    }
    response.resume()
    await expect.poll(() => text().match(/"data":"(\d+) x/g)?.length, slow).toBe(number)
  })

  test('H3: closing the hub lets go of the sockets of readers that take nothing and close nothing', async () => {
    const { hub, server, port } = await startServer(takeSockets)
    const reader = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    reader.on('error', () => {})
    reader.write('GET /events?topic=user:7&userId=7 HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n')
    await once(reader, 'data')
    reader.pause()
    onTestFinished(() => void reader.destroy())
    await hub.close({ drainMs: 200 })
    // Closes what node:http still knows.
    server.closeAllConnections()
    const open = (): Promise<number> =>
      new Promise((resolve, reject) =>
        server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
      )
    await expect.poll(open).toBe(0)
  })
})

test('an open stream keeps neither its request nor its response alive', async () => {
  const responses: WeakRef<ServerResponse>[] = []
  const { url } = await startServer(true, (response) => responses.push(new WeakRef(response)))
  const { text } = await openStream(url)
  await expect.poll(text, slow).toContain('hello')
  await expect
    .poll(() => {
      collect()
      return responses[0]?.deref()
    }, slow)
    .toBeUndefined()
})

test('a wrong option is refused by name', async () => {
  const hub = await createHub({ development: true })
  expect(() => toNodeHandler(hub, { takeSockets: 1 as unknown as boolean })).toThrow('takeSockets')
  await hub.close()
})
