import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, createServer as createTcpServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { fakeClock } from '#src/testing/fake-clock.js'
import { type FaultProxyOptions, faultProxy } from '#src/testing/fault-proxy.js'

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const listening = async (server: ReturnType<typeof createServer | typeof createTcpServer>): Promise<number> => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanups.push(() => new Promise((resolve) => server.close(resolve)))
  return (server.address() as { port: number }).port
}

/** A real HTTP server behind a proxy with those faults. */
async function setUp(
  handler: (request: IncomingMessage, response: ServerResponse) => void,
  options: Omit<FaultProxyOptions, 'port'> = {},
) {
  const port = await listening(createServer(handler))
  const proxy = await faultProxy({ ...options, port })
  cleanups.push(() => proxy.close())
  return proxy
}

/** Everything a raw connection receives, in packets, until it closes. */
async function receive(port: number, request: string): Promise<{ packets: Buffer[]; error: string | undefined }> {
  const socket = connect({ port, host: '127.0.0.1' })
  const packets: Buffer[] = []
  let error: string | undefined
  socket.on('error', (cause: NodeJS.ErrnoException) => {
    error = cause.code
  })
  socket.on('data', (packet: Buffer) => packets.push(packet))
  socket.write(request)
  await new Promise((resolve) => socket.on('close', resolve))
  return { packets, error }
}

const get = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
const text = (packets: readonly Buffer[]): string => Buffer.concat(packets).toString()

describe('fault proxy (O7)', () => {
  test('without faults it passes on what both sides say, and counts connections', async () => {
    const proxy = await setUp((request, response) => request.pipe(response))
    const body = 'x'.repeat(300_000)
    const answer = await fetch(proxy.url, { method: 'POST', body, headers: { connection: 'close' } })
    expect(await answer.text()).toBe(body)
    expect(proxy.accepted).toBe(1)
  })

  test('a client that ends its side first still gets the whole answer', async () => {
    const server = createTcpServer({ allowHalfOpen: true }, (socket) => {
      socket.on('data', () => {}).on('end', () => socket.end('answer'))
    })
    const proxy = await faultProxy({ port: await listening(server) })
    cleanups.push(() => proxy.close())
    const socket = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true })
    socket.end('question')
    const packets: Buffer[] = []
    for await (const packet of socket) packets.push(packet)
    expect(text(packets)).toBe('answer')
  })

  test('dropReply loses the answer after the server has done the work', async () => {
    let done = 0
    const proxy = await setUp((_, response) => {
      done++
      response.end('stored')
    })
    let drop = true
    proxy.set({ dropReply: () => drop })
    await expect(fetch(proxy.url, { method: 'POST' })).rejects.toThrow()
    expect(done).toBe(1)
    drop = false
    expect(await (await fetch(proxy.url, { method: 'POST' })).text()).toBe('stored')
    expect(done).toBe(2)
  })

  test('cutAfterBytes lets exactly that many bytes of the reply through', async () => {
    const proxy = await setUp((_, response) => response.end('y'.repeat(10_000)))
    for (const reset of [false, true]) {
      for (const bytes of [0, 1, 17, 1_000]) {
        proxy.set({ cutAfterBytes: bytes, reset })
        const { packets } = await receive(proxy.port, get)
        const received = Buffer.concat(packets).length
        // After a reset the receiver may lose what it had not read: never more than the bytes, with FIN all of them.
        expect(received).toBeLessThanOrEqual(bytes)
        if (!reset) expect(received).toBe(bytes)
      }
    }
  })

  test('sliceBytes delivers the same bytes in small pieces', async () => {
    const proxy = await setUp((_, response) => response.end('0123456789'.repeat(20)))
    proxy.set({ sliceBytes: 3 })
    const { packets } = await receive(proxy.port, get)
    expect(text(packets)).toContain('0123456789'.repeat(20))
    expect(packets.length).toBeGreaterThan(20)
  })

  test('latencyMs holds every chunk for its time', async () => {
    const clock = fakeClock()
    const proxy = await setUp((_, response) => response.end('late'), { clock, faults: { latencyMs: 1_000 } })
    let answered = false
    const answer = fetch(proxy.url).then(async (response) => {
      answered = true
      return response.text()
    })
    while (clock.pending === 0) await sleep(1)
    expect(answered).toBe(false)
    while (!answered) await clock.advance(1_000)
    expect(await answer).toBe('late')
  })

  test('stall stops reading, so that the server feels it, and heals without loss', async () => {
    let blocked = false
    const body = Buffer.alloc(32 * 1024 * 1024, 'z')
    const proxy = await setUp((_, response) => {
      blocked = !response.write(body)
      response.on('drain', () => {
        blocked = false
      })
      response.end()
    })
    proxy.set({ stall: true })
    let bytes = 0
    const socket = connect({ port: proxy.port, host: '127.0.0.1' })
    socket.on('data', (packet: Buffer) => {
      bytes += packet.length
    })
    socket.write(get)
    while (!blocked) await sleep(1)
    expect(bytes).toBe(0)
    proxy.set({})
    await once(socket, 'close')
    expect(bytes).toBeGreaterThan(body.length)
  })

  test('halfOpen: nothing passes, and neither side hears that the other is gone', async () => {
    const upstream: Socket[] = []
    const server = createTcpServer((socket) => {
      upstream.push(socket)
      socket.on('error', () => {})
      socket.write('hello')
    })
    const proxy = await faultProxy({ port: await listening(server) })
    cleanups.push(() => proxy.close())
    const client = connect({ port: proxy.port, host: '127.0.0.1' })
    client.on('error', () => {})
    await once(client, 'data')
    proxy.set({ halfOpen: true })
    client.destroy()
    upstream[0]?.write('into the void')
    // There is no event for "nothing happens": wait long enough for a FIN to have arrived over loopback.
    await sleep(100)
    expect(upstream[0]?.destroyed).toBe(false)
    expect(upstream[0]?.readableEnded).toBe(false)
  })

  test('bufferBytes holds replies back until there are enough, it heals, or the server ends', async () => {
    const server = createTcpServer((socket) => {
      socket.on('error', () => {})
      socket.on('data', (data) => (String(data) === 'end' ? socket.end() : socket.write(data)))
    })
    const proxy = await faultProxy({ port: await listening(server), faults: { bufferBytes: 10 } })
    cleanups.push(() => proxy.close())
    const client = connect({ port: proxy.port, host: '127.0.0.1', noDelay: true })
    client.on('error', () => {})
    let received = ''
    client.on('data', (packet: Buffer) => {
      received += String(packet)
    })
    client.write('12345')
    // There is no event for "nothing happens": over loopback an answer takes less than a tenth of this.
    await sleep(100)
    expect(received).toBe('')
    client.write('67890')
    while (received.length < 10) await sleep(1)
    client.write('abc')
    await sleep(100)
    expect(received).toBe('1234567890')
    proxy.set({})
    while (received.length < 13) await sleep(1)
    proxy.set({ bufferBytes: 10 })
    client.write('xyz')
    await sleep(50)
    client.write('end')
    await once(client, 'close')
    expect(received).toBe('1234567890abcxyz')
  })

  test('bytesPerSecond lets replies trickle, and loses nothing', async () => {
    const clock = fakeClock()
    const body = '0123456789'.repeat(50)
    const server = createTcpServer((socket) => {
      socket.on('error', () => {})
      socket.on('data', () => socket.end(body))
    })
    const proxy = await faultProxy({ port: await listening(server), clock, faults: { bytesPerSecond: 100 } })
    cleanups.push(() => proxy.close())
    const client = connect({ port: proxy.port, host: '127.0.0.1' })
    client.on('error', () => {})
    let received = ''
    client.on('data', (packet: Buffer) => {
      received += String(packet)
    })
    client.write('go')
    let seconds = 0
    while (received.length < body.length) {
      while (clock.pending === 0 && received.length < body.length) await sleep(1)
      expect(received.length).toBeLessThanOrEqual(100 * seconds + 10)
      await clock.advance(50)
      seconds += 0.05
    }
    expect(received).toBe(body)
    expect(seconds).toBeGreaterThan(4.5)
  })

  test('duplicate sends what a client says twice, and answers once', async () => {
    const heard: string[] = []
    const proxy = await setUp(
      (request, response) => {
        heard.push(String(request.url))
        response.end('done')
      },
      { faults: { duplicate: true } },
    )
    const answer = await fetch(`${proxy.url}/publish`, { method: 'POST', headers: { connection: 'close' } })
    expect(await answer.text()).toBe('done')
    while (heard.length < 2) await sleep(1)
    expect(heard).toEqual(['/publish', '/publish'])
  })

  test('refuse resets new connections, cut closes the open ones', async () => {
    const proxy = await setUp((_, response) => response.write('open'))
    const first = await fetch(proxy.url)
    expect(proxy.open).toBe(1)
    proxy.set({ refuse: true })
    await expect(fetch(proxy.url)).rejects.toThrow()
    proxy.cut()
    await expect(first.text()).rejects.toThrow()
    proxy.set({})
    const again = await fetch(proxy.url)
    proxy.cut({ gracefully: true })
    await expect(again.text()).rejects.toThrow()
  })

  test('a server that is not there is a reset to the client', async () => {
    const proxy = await faultProxy({ port: 1 })
    cleanups.push(() => proxy.close())
    const { packets } = await receive(proxy.port, get)
    expect(packets).toEqual([])
  })
})
