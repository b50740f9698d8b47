import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { toNodeHandler } from '#src/http/node.js'
import { type Hub, type HubOptions, createHub, memoryStore } from '#src/index.js'
import { createSseDecoder } from '#src/protocol/sse-decode.js'
import { readStream } from '../fixtures/stream.js'

let open: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

async function serve(options: HubOptions = {}): Promise<{ hub: Hub; base: string; port: number }> {
  const hub = await createHub({ development: true, ...options })
  const server = createServer(toNodeHandler(hub)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  open.push(async () => {
    await hub.close({ drainMs: 50 })
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { hub, base: `http://127.0.0.1:${port}`, port }
}

/** Sends raw bytes and reads until `enough`. */
async function raw(port: number, request: string, enough: (text: string) => boolean): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let text = ''
  socket.write(request)
  await new Promise<void>((resolve, reject) => {
    socket.on('data', (bytes) => {
      text += bytes.toString('utf8')
      if (enough(text)) resolve()
    })
    socket.on('end', resolve).on('error', reject)
  })
  socket.destroy()
  return text
}

describe('the bytes of a stream on Node', () => {
  test('HTTP/1.0, as nginx speaks it by default, gets the frames without chunks', async () => {
    const { port } = await serve()
    const text = await raw(port, 'GET /events?topic=user:7&userId=7 HTTP/1.0\r\nHost: localhost\r\n\r\n', (seen) =>
      seen.includes('event: hello'),
    )
    expect(text).not.toContain('Transfer-Encoding')
    expect(text.split('\r\n\r\n')[1]).toMatch(/^retry: \d+\nid: /)
  })

  test('H1: first come retry, hello and a comment, in one chunk each', async () => {
    const { port } = await serve()
    const text = await raw(port, 'GET /events?topic=user:7&userId=7 HTTP/1.1\r\nHost: localhost\r\n\r\n', (seen) =>
      seen.includes('\n: \n'),
    )
    const body = text.slice(text.indexOf('\r\n\r\n') + 4)
    const [size, rest] = [Number.parseInt(body, 16), body.slice(body.indexOf('\r\n') + 2)]
    expect(rest.slice(0, size)).toMatch(/^retry: \d+\nid: \S+\nevent: hello\ndata: \{.*\}\n\n$/)
    expect(rest.slice(size)).toMatch(/^\r\n4\r\n: \n\n/)
  })

  test('a stream asked for behind another request on the same connection is answered in its turn', async () => {
    const { port } = await serve()
    const request =
      'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /events?topic=user:7&userId=7 HTTP/1.1\r\nHost: localhost\r\n\r\n'
    const text = await raw(port, request, (seen) => seen.includes('event: hello'))
    expect(text.indexOf('{"status":"ok"}')).toBeLessThan(text.indexOf('event: hello'))
  })

  test('events of one tick reach fifty readers, each whole and once', async () => {
    const { hub, base } = await serve()
    const readers = await Promise.all(
      Array.from({ length: 50 }, () => readStream(base, { topics: ['user:7'], as: { userId: '7' } })),
    )
    await Promise.all(
      Array.from({ length: 20 }, (_, index) => hub.publish({ topic: 'user:7', type: 'n', data: index })),
    )
    for (const reader of readers) {
      for (let index = 0; index < 20; index++) expect((await reader.next()).data).toBe(index)
      await reader.close()
    }
    await expect.poll(() => hub.stats().connections).toBe(0)
  })
})

describe('what a stranger can send', () => {
  test('a stream behind a held poll on one connection lives, and goes when its connection goes', async () => {
    const { hub, port } = await serve()
    const poll =
      'GET /events?topic=user:7&userId=7&since=start&wait=20 HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n\r\n'
    const stream = 'GET /events?topic=user:7&userId=7 HTTP/1.1\r\nHost: localhost\r\n\r\n'
    const reading = raw(port, poll + stream, (seen) => seen.includes('"data":2'))
    await expect.poll(() => hub.stats().connections).toBe(1)
    await hub.publish({ topic: 'user:7', type: 'n', data: 1 })
    await expect.poll(() => hub.stats().opened).toBe(2)
    await hub.publish({ topic: 'user:7', type: 'n', data: 2 })
    expect(await reading).toContain('event: hello')
    for (let index = 0; index < 20; index++) await raw(port, poll + stream + stream, () => true).catch(() => '')
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    socket.write(poll.replace('user:7', 'user:7&type=never') + stream.repeat(20), () => socket.destroy())
    await expect.poll(() => hub.stats().connections).toBe(0)
  })

  test('T5: a Host that is no name is refused, not mended into one that passes for loopback', async () => {
    const { port } = await serve()
    for (const host of ['a!.evil.test:4000', 'evil.test']) {
      const text = await raw(port, `GET /events?topic=user:7&userId=7 HTTP/1.1\r\nHost: ${host}\r\n\r\n`, (seen) =>
        seen.includes('}'),
      )
      expect(text).toMatch(/^HTTP\/1.1 40[01] /)
    }
  })

  test('A4: the token of a job opens that job and nothing else, not even the topic of everybody', async () => {
    const { hub, base } = await serve()
    const { job, token } = await hub.jobs.create({ owner: 'user:7', kind: 'crawl' })
    const status = async (query: string): Promise<number> => {
      const headers = { Authorization: `Bearer ${token}`, Accept: 'application/json' }
      return (await fetch(`${base}/events?${query}`, { headers })).status
    }
    expect(await status(`topic=job:${job.id}`)).toBe(200)
    expect(await status('topic=all&since=start')).toBe(403)
    expect(await status('topic=jobs:7')).toBe(403)
    expect(await status('since=start')).toBe(200)
  })
})

describe('the fast path', () => {
  test('what one tick brings leaves in one write per connection, and all readers share the bytes', async () => {
    const hub = await createHub({ development: true })
    const written: { socket: number; bytes: unknown }[] = []
    let sockets = 0
    const server = createServer(toNodeHandler(hub))
    server.on('connection', (socket) => {
      const number = sockets++
      const write = socket.write.bind(socket) as (...given: unknown[]) => boolean
      socket.write = ((...given: unknown[]) => {
        written.push({ socket: number, bytes: given[0] })
        return write(...given)
      }) as typeof socket.write
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    open.push(async () => {
      await hub.close({ drainMs: 50 })
      server.closeAllConnections()
      server.close()
    })
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const readers = await Promise.all(
      Array.from({ length: 3 }, () => readStream(base, { topics: ['user:7'], as: { userId: '7' } })),
    )
    await expect.poll(() => hub.stats().connections).toBe(3)
    written.length = 0
    await Promise.all(
      Array.from({ length: 16 }, (_, index) => hub.publish({ topic: 'user:7', type: 'n', data: index })),
    )
    for (const reader of readers) {
      for (let index = 0; index < 16; index++) expect((await reader.next()).data).toBe(index)
    }
    expect(written.map(({ socket }) => socket).toSorted()).toEqual([0, 1, 2])
    expect(new Set(written.map(({ bytes }) => bytes)).size).toBe(1)
    for (const reader of readers) await reader.close()
  })
})

describe('the fetch handler', () => {
  test('D6: a body that nobody reads holds a bounded amount, and read on it gives every event in order', async () => {
    const { hub } = await serve({ store: memoryStore({ retention: { events: 10_000 } }) })
    const request = new Request('http://localhost/events?topic=user:7&userId=7')
    const { body } = await hub.fetch(request)
    for (let round = 0; round < 50; round++) {
      await Promise.all(
        Array.from({ length: 100 }, (_, index) =>
          hub.publish({ topic: 'user:7', type: 'n', data: round * 100 + index }),
        ),
      )
      await new Promise((resolve) => setImmediate(resolve))
    }
    // 64 KiB of unsent bytes are a few hundred of these events; the rest waits in the log.
    expect(hub.stats().delivered).toBeLessThan(1_000)
    const numbers: number[] = []
    const decoder = createSseDecoder({
      onMessage: ({ event, data }) => void (event === 'n' && numbers.push(JSON.parse(data).data)),
    })
    const reader = (body as ReadableStream<Uint8Array>).getReader()
    while (numbers.length < 5_000) decoder.push((await reader.read()).value as Uint8Array)
    expect(numbers).toEqual(Array.from({ length: 5_000 }, (_, index) => index))
    await reader.cancel()
    expect(hub.stats().connections).toBe(0)
  })

  test('H1: the first bytes come at once, before there is any event', async () => {
    const { hub } = await serve()
    const { body, headers } = await hub.fetch(new Request('http://localhost/events?topic=user:7&userId=7'))
    expect(headers.get('Content-Type')).toBe('text/event-stream; charset=utf-8')
    const reader = (body as ReadableStream<Uint8Array>).getReader()
    expect(new TextDecoder().decode((await reader.read()).value)).toMatch(/^retry: \d+\nid: \S+\nevent: hello\n/)
    await reader.cancel()
  })
})

describe('readers that take nothing', () => {
  test('D6: a reader that takes no byte is let go also where little waits for it', async () => {
    const { hub, port } = await serve({ slowConsumerMs: 400, heartbeatMs: 100, unsentBytes: 64 * 1024 * 1024 })
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    socket.write('GET /events?topic=user:7&userId=7 HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await expect.poll(() => hub.stats().connections).toBe(1)
    socket.pause()
    // What the kernel takes does not wait; of 16 MiB some is left over, far below the limit of unsent bytes.
    const pad = 'x'.repeat(60_000)
    for (let index = 0; index < 280; index++) await hub.publish({ topic: 'user:7', type: 'n', data: pad })
    await expect.poll(() => hub.stats().connections).toBe(0)
    socket.destroy()
  })
})

describe('how streams end (H3)', () => {
  test('H3: a stream is renewed at its age with bye "rotate", and resumes without a gap', async () => {
    const { hub, base } = await serve({ maxAgeMs: 300, heartbeatMs: 100 })
    const reader = await readStream(base, { topics: ['user:7'], as: { userId: '7' } })
    const bye = await reader.control('bye')
    expect(bye).toMatchObject({ reason: 'rotate', reconnect: true })
    await hub.publish({ topic: 'user:7', type: 'n', data: 1 })
    const again = await readStream(base, { topics: ['user:7'], as: { userId: '7' }, lastEventId: reader.lastEventId })
    expect((await again.next()).data).toBe(1)
    await again.close()
  })

  test('H3: a stream of ended jobs alone says "ended", and the next connect is answered 204', async () => {
    const { hub, base } = await serve()
    const { job } = await hub.jobs.create({ owner: 'user:7', kind: 'crawl', total: 1 })
    const url = `${base}/events?topic=job:${job.id}&userId=7`
    const reader = await readStream(base, { topics: [`job:${job.id}`], as: { userId: '7' } })
    await job.increment({ processed: 1 })
    await job.complete({ pages: 1 })
    const bye = await reader.control('bye')
    expect(bye).toMatchObject({ reason: 'ended', reconnect: false })
    const again = await fetch(url, { headers: { Accept: 'text/event-stream', 'Last-Event-ID': reader.lastEventId } })
    expect(again.status).toBe(204)
  })

  test('D4: a job topic begins with its snapshot where no cursor is given, and leaves out what the snapshot holds', async () => {
    const { hub, base } = await serve()
    const { job } = await hub.jobs.create({ owner: 'user:7', kind: 'crawl', total: 10 })
    await job.increment({ processed: 4 })
    const reader = await readStream(base, { topics: [`job:${job.id}`], as: { userId: '7' } })
    const snapshot = await reader.control('snapshot')
    expect(snapshot).toMatchObject({ job: { id: job.id, percent: 40 } })
    await job.increment({ processed: 1 })
    const next = await reader.next()
    expect(next).toMatchObject({ type: 'job.progress', data: { percent: 50 } })
    await reader.close()
  })
})
