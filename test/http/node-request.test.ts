import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { toNodeHandler } from '#src/http/node.js'
import { NodeRequest } from '#src/http/node-request.js'
import { createHub } from '#src/index.js'

type Mounted = IncomingMessage & { body?: unknown; rawBody?: unknown }

/** A hub behind something that reads the body first and leaves what `leave` makes of it. */
async function startBehind(leave: (request: Mounted, text: string) => void | Promise<void>, bodyBytes = 10_000) {
  const errors: Error[] = []
  const hub = await createHub({ development: true, bodyBytes, onError: (error) => errors.push(error as Error) })
  const handler = toNodeHandler(hub)
  const server = createServer(async (incoming, response) => {
    const parts: Buffer[] = []
    for await (const part of incoming) parts.push(part as Buffer)
    await leave(incoming, Buffer.concat(parts).toString())
    // As middlewares go on: some turns later.
    setTimeout(() => handler(incoming, response), 5)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  onTestFinished(async () => {
    await hub.close({ drainMs: 0 })
    server.closeAllConnections()
    server.close()
  })
  const post = async (body: string) => {
    const response = await fetch(`${url}/events?userId=7`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
      signal: AbortSignal.timeout(60_000),
    })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }
  return { hub, url, errors, post }
}

const event = JSON.stringify({ topic: 'user:7', type: 'n', data: 'é✓' })

test.each<[string, (request: Mounted, text: string) => void]>([
  ['an object', (request, text) => void (request.body = JSON.parse(text))],
  ['a string', (request, text) => void (request.body = text)],
  ['bytes', (request, text) => void (request.body = Buffer.from(text))],
  [
    'as it was sent, beside what was made of it',
    (request, text) => void Object.assign(request, { rawBody: Buffer.from(text), body: { topic: 'changed' } }),
  ],
])('P2: a body that was read before the hub’s turn is taken from there: %s', async (_, leave) => {
  const { hub, post } = await startBehind(leave)
  const events = hub.subscribe(['user:7'], { since: 'start' })
  expect(await post(event)).toMatchObject({ status: 201 })
  expect((await events.next()).value).toMatchObject({ data: 'é✓' })
  await events.return?.()
})

test('P2: a body that was read before the hub’s turn obeys the same limit', async () => {
  const { post } = await startBehind(
    (request, text) => void (request.body = { ...JSON.parse(text), data: 'x'.repeat(11_000) }),
  )
  expect(await post(event)).toMatchObject({ status: 413, body: { code: 'body_too_large' } })
})

test('O4: a body that was read and left nowhere is answered at once, and the log says what to do', async () => {
  const { errors, post } = await startBehind(() => {})
  expect(await post(event)).toMatchObject({ status: 500, body: { code: 'internal' } })
  expect(errors.map(({ message }) => message)).toEqual([
    expect.stringMatching(/read the body.*Mount the hub before it/s),
  ])
})

test('A body that is still being read by another is answered at once', async () => {
  const errors: Error[] = []
  const hub = await createHub({ development: true, onError: (error) => errors.push(error as Error) })
  const handler = toNodeHandler(hub)
  const server = createServer((incoming, response) => incoming.once('data', () => handler(incoming, response)))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    await hub.close({ drainMs: 0 })
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const sent = request({
    port,
    method: 'POST',
    path: '/events?userId=7',
    headers: { 'content-type': 'application/json' },
  })
  sent.write(event.slice(0, 10))
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  sent.on('error', () => {})
  expect(response.statusCode).toBe(500)
  expect(errors).toHaveLength(1)
  sent.destroy()
})

test('P2: a request without a body that something read to its end has an empty body', async () => {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  const sent = request({ port, method: 'DELETE', path: '/jobs/j' })
  sent.on('error', () => {})
  sent.end()
  const [incoming, response] = (await once(server, 'request')) as [IncomingMessage, ServerResponse]
  incoming.resume()
  await once(incoming, 'end')
  expect(await new NodeRequest(incoming, response, '/jobs/j').read(1_000)).toHaveLength(0)
  sent.destroy()
})

test('A5: a request that was broken off before the hub’s turn is refused at once', async () => {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  const sent = request({ port, method: 'POST', path: '/events', headers: { 'content-length': 100 } })
  sent.on('error', () => {})
  sent.write('{')
  const [incoming, response] = (await once(server, 'request')) as [IncomingMessage, ServerResponse]
  incoming.on('error', () => {})
  const closed = new Promise((resolve) => incoming.on('close', resolve))
  sent.destroy()
  await closed
  await expect(new NodeRequest(incoming, response, '/events').read(1_000)).rejects.toThrow('closed')
})

test('T7: requests that wait behind another on their connection are bounded, and some may wait', async () => {
  const hub = await createHub({ development: true })
  let taken = 0
  const handler = toNodeHandler(hub)
  const server = createServer((incoming, response) => {
    taken++
    handler(incoming, response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  onTestFinished(async () => {
    await hub.close({ drainMs: 0 })
    server.closeAllConnections()
    server.close()
  })
  const warnings: Error[] = []
  const warn = (warning: Error): void => void warnings.push(warning)
  process.on('warning', warn)
  onTestFinished(() => void process.off('warning', warn))
  const held = (waitSeconds: number, then: string): Socket => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(
      `GET /events?userId=7&topic=user:7&since=start&wait=${waitSeconds} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n\r\n${then}`,
    )
    onTestFinished(() => void socket.destroy())
    return socket
  }
  const ready = (times: number): string => 'GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(times)
  const few = held(1, ready(90))
  let heard = ''
  few.on('data', (bytes) => {
    heard += bytes
  })
  await expect.poll(() => heard.match(/"ready":true/g)?.length).toBe(90)
  taken = 0
  const many = held(25, ready(20_000))
  await new Promise((resolve) => many.once('close', resolve))
  expect(taken).toBeLessThan(5_000)
  expect(warnings).toEqual([])
})

test('P2: the query is what the address says, however it is written', async () => {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const sent = request({ port: (server.address() as AddressInfo).port })
  sent.on('error', () => {})
  sent.end()
  const [incoming, response] = (await once(server, 'request')) as [IncomingMessage, ServerResponse]
  const paths = ['/events', '/jobs/a%20b', '//evil/events', '/./events', '/a\\b', '', 'http://evil/events', '/é']
  const queries = ['', '?', '?topic=a&topic=b', '?a=%C3%A9+%zz', '?a=é"<>\'', '?a=1?b=2', '?a=1#b?c=2', '#?a=1', '?=&a']
  for (const path of paths) {
    for (const query of queries) {
      const read = new NodeRequest(incoming, response, path + query)
      const whole = new URL(`http://${incoming.headers.host}${path.startsWith('/') ? '' : '/'}${path}${query}`)
      expect(read.address.href).toBe(whole.href)
      expect([...read.query]).toEqual([...whole.searchParams])
    }
  }
  sent.destroy()
})
