import { once } from 'node:events'
import { createServer } from 'node:http'
import { afterEach, describe, expect, test } from 'vitest'
import { encodeBody, encodeEnvelope } from '#src/protocol/event.js'
import { encodeSse } from '#src/protocol/sse-encode.js'
import { fakeClock } from '#src/testing/fake-clock.js'
import { readStream, type StreamReader } from '#src/testing/sse-reader.js'

const deferred = () => {
  let resolve = (): void => {}
  const promise = new Promise<void>((done) => (resolve = done))
  return { promise, resolve }
}

const open: StreamReader[] = []
const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const reader of open.splice(0)) await reader.close()
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

const event = (seq: number, type = 'note'): string => {
  const body = encodeBody({ data: { seq } })
  const data = encodeEnvelope({ id: `id-${seq}`, type, seq, timestamp: 1, priority: 'normal', body }, ['news'])
  return encodeSse({ id: `e.${seq}`, event: type, data })
}
const hello = encodeSse({ id: 'e.0', event: 'hello', retryMs: 2_500, data: JSON.stringify({ cursor: 'e.0' }) })
const ping = encodeSse({ id: 'e.9', event: 'ping', data: JSON.stringify({ cursor: 'e.9', degraded: false }) })

/** A hub in process that answers with `chunks`, and ends the stream where `end`. */
const source = (chunks: readonly string[], { end = false, seen = (_: Request): void => {} } = {}) => ({
  fetch(request: Request) {
    seen(request)
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk))
        if (end) controller.close()
      },
    })
    return new Response(body, {
      headers: { 'content-type': 'text/event-stream; charset=utf-8', 'tidings-connection-id': 'c1' },
    })
  },
})

const read = async (...args: Parameters<typeof readStream>): Promise<StreamReader> => {
  const reader = await readStream(...args)
  open.push(reader)
  return reader
}

describe('SSE reader (O7)', () => {
  test('events come by next(), in order; what the hub says beside them is in controls', async () => {
    const reader = await read(source([hello, event(1), ping, event(2)]))
    expect(reader.connectionId).toBe('c1')
    expect(await reader.next()).toMatchObject({ type: 'note', topic: 'news', seq: 1, data: { seq: 1 } })
    expect((await reader.next()).seq).toBe(2)
    expect(reader.controls.map((control) => control.name)).toEqual(['hello', 'ping'])
    expect(await reader.control('ping')).toEqual({ cursor: 'e.9', degraded: false })
    expect(reader.lastEventId).toBe('e.2')
    expect(reader.retryMs).toBe(2_500)
  })

  test('until() takes up to the match; all() shows everything and takes nothing', async () => {
    const reader = await read(source([event(1), event(2, 'stop'), event(3)]))
    expect((await reader.until((e) => e.type === 'stop')).map((e) => e.seq)).toEqual([1, 2])
    expect((await reader.next()).seq).toBe(3)
    expect(reader.all().map((e) => e.seq)).toEqual([1, 2, 3])
  })

  test('a wait that is not met says what was seen', async () => {
    const reader = await read(source([hello, event(1)]), { timeoutMs: 20 })
    await reader.next()
    await expect(reader.next()).rejects.toThrow(
      /Waited 20 ms for the next event[^]*hello[^]*note on news seq 1 \(taken\)/,
    )
    await expect(reader.control('bye')).rejects.toThrow(/the control event "bye"/)
  })

  test('two waits at once are both woken', async () => {
    const reader = await read(source([hello, event(1)]))
    const [first, control] = await Promise.all([reader.next(), reader.control('hello')])
    expect([first.seq, control.cursor]).toEqual([1, 'e.0'])
  })

  test('the end of the stream ends every wait', async () => {
    const reader = await read(source([event(1)], { end: true }))
    await reader.ended()
    expect((await reader.next()).seq).toBe(1)
    await expect(reader.next()).rejects.toThrow(/ended by the hub/)
  })

  test('an event that was cut in the middle is not one', async () => {
    const reader = await read(source([event(1), event(2).slice(0, -1)], { end: true }))
    await reader.ended()
    expect(reader.all()).toHaveLength(1)
    expect(reader.lastEventId).toBe('e.1')
  })

  test('options become the request: topics, types, since, the development user, header and query', async () => {
    let request: Request | undefined
    await read(source([], { seen: (sent) => (request = sent) }), {
      topics: ['job:1', 'ü&?'],
      types: ['note'],
      since: '@5',
      lastEventId: 'e.3',
      as: { userId: '7', roles: ['A', 'B'] },
      headers: { authorization: 'Bearer t' },
      query: { named: 'false' },
    })
    const { pathname, searchParams } = new URL(request?.url ?? '')
    expect(pathname).toBe('/events')
    expect(searchParams.getAll('topic')).toEqual(['job:1', 'ü&?'])
    expect(Object.fromEntries(searchParams)).toMatchObject({
      type: 'note',
      since: '@5',
      userId: '7',
      roles: 'A,B',
      named: 'false',
    })
    expect(request?.headers.get('last-event-id')).toBe('e.3')
    expect(request?.headers.get('authorization')).toBe('Bearer t')
    expect(request?.headers.get('accept')).toBe('text/event-stream, application/problem+json')
  })

  test('an answer that is no stream is an error with its body', async () => {
    const problem = { fetch: () => Response.json({ code: 'forbidden' }, { status: 403 }) }
    await expect(readStream(problem)).rejects.toThrow(/403[^]*forbidden/)
    await expect(readStream({ fetch: () => new Response(null, { status: 204 }) })).rejects.toThrow(/204/)
  })

  test('it reads over a real socket from an address with a path, and close() hangs up', async () => {
    const closed = deferred()
    const server = createServer((request, response) => {
      expect(request.url).toBe('/tidings/events?topic=news')
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(hello + event(1))
      response.on('close', closed.resolve)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    cleanups.push(() => new Promise((resolve) => server.close(resolve)))
    const reader = await read(`http://127.0.0.1:${(server.address() as { port: number }).port}/tidings/`, {
      topics: ['news'],
    })
    expect((await reader.next()).seq).toBe(1)
    await reader.close()
    await reader.close()
    await closed.promise
    await expect(reader.next()).rejects.toThrow(/closed by the reader/)
  })

  test('its timeout is real time unless a clock is given', async () => {
    const clock = fakeClock()
    const reader = await read(source([]), { clock, timeoutMs: 60_000 })
    const waiting = reader.next()
    const refused = expect(waiting).rejects.toThrow(/60000 ms/)
    await clock.advance(60_000)
    await refused
    expect(clock.pending).toBe(0)
  })
})
