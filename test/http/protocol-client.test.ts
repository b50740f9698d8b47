import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { createClient, type ClientOptions } from '#src/client/index.js'
import { encodeBody, encodeEnvelope, type TidingsEvent } from '#src/protocol/event.js'
import type { Job } from '#src/protocol/job.js'
import { encodeSse } from '#src/protocol/sse-encode.js'
import { fakeClock } from '#src/testing/fake-clock.js'

type Script = (response: ServerResponse, request: IncomingMessage) => void

/**
 * The client against a hub that does what the script says, connection by connection; the last script stays. Time is the
 * test's, the network is real: what it brings is waited for.
 */
async function play(scripts: readonly Script[], options: Partial<ClientOptions> = {}) {
  const clock = fakeClock()
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => {
    if (!request.url?.startsWith('/events')) return void response.writeHead(404).end()
    requests.push(request)
    const script = scripts[Math.min(requests.length, scripts.length) - 1]
    script?.(response, request)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = createClient({
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    clock,
    random: { fraction: () => 0.5, bytes: (length) => new Uint8Array(length) },
    ...options,
  })
  const errors: { kind: string }[] = []
  client.onError((error) => errors.push(error))
  onTestFinished(() => {
    client.close()
    server.closeAllConnections()
    server.close()
  })
  const seen: TidingsEvent[] = []
  return {
    clock,
    client,
    requests,
    errors,
    seen,
    listen: (topic = 'news') => client.subscribe(topic, { '*': (event) => void seen.push(event) }),
    /** Lets time pass in steps, except while a request is on its way, until `condition`; fails after a minute of real time. */
    async until(condition: () => boolean, stepMs = 0): Promise<void> {
      await vi.waitFor(
        async () => {
          await clock.advance(client.status.getSnapshot().status === 'connecting' ? 0 : stepMs)
          if (!condition())
            throw new Error(
              `Seen ${JSON.stringify(seen)}, ${requests.length} requests, errors ${JSON.stringify(errors)}`,
            )
        },
        { timeout: 60_000, interval: 2 },
      )
    },
  }
}

const stream = (response: ServerResponse, ...blocks: string[]): void => {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.write(blocks.join(''))
}
const control = (event: string, data: object, id?: string): string =>
  encodeSse({ event, id, data: JSON.stringify(data) })
const hello = (cursor: string, heartbeatMs = 25_000): string =>
  control(
    'hello',
    { connectionId: 'c', cursor, resumed: true, topics: ['news'], heartbeatMs, protocol: 1, degraded: false },
    cursor,
  )
const event = (cursor: string, data: unknown = cursor, { id = cursor, topic = 'news', type = 'note' } = {}): string => {
  const seq = Number(cursor.split('.')[1])
  const body = encodeBody({ data })
  return encodeSse({
    id: cursor,
    event: type,
    data: encodeEnvelope({ id, type, seq, timestamp: 1, priority: 'normal', body }, [topic]),
  })
}
const bye = (notice: object): string =>
  control('bye', { reason: 'shutdown', retryAfterMs: 0, reconnect: true, ...notice })
const data = (events: readonly TidingsEvent[]): unknown[] => events.map((one) => one.data)

describe('the client as a reader', () => {
  test('[P13.10, P2.6] control events and members that it does not know are ignored', async () => {
    const game = await play([
      (response) =>
        stream(
          response,
          hello('e.0').replace('"protocol":1', '"protocol":1,"mood":"good"'),
          control('weather', { sunny: true }),
          control('weather', { id: 'x', seq: 1, nothing: 'else' }, 'e.1'),
          event('e.2').replace('"version":1', '"version":1,"colour":"red"'),
        ),
    ])
    game.listen()
    await game.until(() => game.seen.length > 0)
    expect(game.seen).toMatchObject([{ data: 'e.2', colour: 'red' }])
    expect(game.errors).toEqual([])
    expect(game.client.status.getSnapshot().status).toBe('connected')
  })

  test('[P13.11] it comes back with the last id that an empty line had closed', async () => {
    const game = await play([
      (response) => {
        stream(response, hello('e.0'), event('e.1'), event('e.2').slice(0, -1))
        response.end()
      },
      (response) =>
        stream(response, hello('e.1'), event('e.2'), control('ping', { cursor: 'e.9', degraded: false }, 'e.9')),
    ])
    game.listen()
    await game.until(() => game.seen.length === 2, 100)
    expect(game.requests[0]?.headers['last-event-id']).toBeUndefined()
    expect(game.requests[1]?.headers['last-event-id']).toBe('e.1')
    expect(data(game.seen)).toEqual(['e.1', 'e.2'])
    await game.until(() => game.client.status.getSnapshot().cursor === 'e.9')
  })

  test('[P13.12] what is not above its position is dropped', async () => {
    const game = await play([
      (response) => {
        stream(response, hello('e.0'), event('e.1'), event('e.3'), event('e.3'), event('e.2'))
        response.end()
      },
      (response) => stream(response, hello('e.0'), event('e.1'), event('e.3', 'again', { id: 'other' }), event('e.4')),
    ])
    game.listen()
    await game.until(() => data(game.seen).includes('e.4'), 100)
    expect(data(game.seen)).toEqual(['e.1', 'e.3', 'e.4'])
  })

  test('[P13.13] after a gap it knows by their ids those that it has handed on', async () => {
    const game = await play([
      (response) => {
        stream(response, hello('e.0'), event('e.1', 1, { id: 'one' }), event('e.2', 2, { id: 'two' }))
        response.end()
      },
      (response) =>
        stream(
          response,
          hello('f.0'),
          control('gap', { reason: 'epoch', cursor: 'f.0' }),
          event('f.1', 1, { id: 'one' }),
          event('f.2', 'new', { id: 'new' }),
          event('f.3', 2, { id: 'two' }),
          event('f.4', 3, { id: 'three' }),
        ),
    ])
    game.listen()
    await game.until(() => data(game.seen).includes(3), 100)
    expect(data(game.seen)).toEqual([1, 2, 'new', 3])
  })

  test('[P13.14] a job is taken only when its version rises, from an event or a snapshot', async () => {
    const job = (version: number): Job => ({
      id: 'j',
      kind: 'k',
      owner: 'user:7',
      status: 'running',
      counters: {},
      total: null,
      percent: null,
      stage: null,
      message: null,
      current: null,
      attempt: 1,
      attempts: 1,
      version,
      createdAt: 1,
      startedAt: 1,
      endedAt: null,
    })
    const of = (cursor: string, version: number): string =>
      event(cursor, job(version), { topic: 'job:j', type: 'job.progress' })
    const game = await play([
      (response) =>
        stream(
          response,
          hello('e.0'),
          control('snapshot', { job: job(5), cursor: 'e.1' }),
          of('e.2', 4),
          of('e.3', 5),
          of('e.4', 7),
          control('snapshot', { job: job(6), cursor: 'e.5' }),
          of('e.6', 6),
          of('e.7', 8),
        ),
    ])
    const versions: number[] = []
    const view = game.client.job('j')
    view.subscribe(() => versions.push(view.getSnapshot()?.version ?? 0))
    await game.until(() => versions.includes(8))
    expect(versions).toEqual([5, 7, 8])
  })

  test('[P13.15] it takes a connection that was silent for 2.5 heartbeats for dead', async () => {
    const game = await play([(response) => stream(response, hello('e.0', 10_000))])
    game.listen()
    await game.until(() => game.client.status.getSnapshot().status === 'connected')
    await game.clock.advance(24_900)
    expect(game.requests).toHaveLength(1)
    await game.clock.advance(200)
    await game.until(() => game.requests.length === 2, 1_000)
    expect(game.client.status.getSnapshot().status).not.toBe('closed')
  })

  test('[P13.15] any byte counts, also of a comment', async () => {
    let response: ServerResponse | undefined
    const game = await play([
      (opened) => {
        response = opened
        stream(opened, hello('e.0', 10_000))
      },
    ])
    game.listen()
    await game.until(() => game.client.status.getSnapshot().status === 'connected')
    for (let beat = 1; beat <= 5; beat++) {
      await game.clock.advance(20_000)
      // The event behind the comment is how the test knows that both have arrived.
      response?.write(':\n\n')
      response?.write(event(`e.${beat}`))
      await game.until(() => game.seen.length === beat)
    }
    expect(game.requests).toHaveLength(1)
  })
})

describe('coming back', () => {
  test('[P13.16] after bye it waits as long as it was told', async () => {
    const game = await play([
      (response) => {
        stream(response, hello('e.0'), event('e.1'), bye({ retryAfterMs: 7_000 }))
        response.end()
      },
      (response) => stream(response, hello('e.1'), event('e.2')),
    ])
    game.listen()
    await game.until(() => game.client.status.getSnapshot().status === 'waiting')
    await game.clock.advance(6_900)
    expect(game.requests).toHaveLength(1)
    await game.until(() => game.requests.length === 2, 1_000)
    await game.until(() => game.seen.length === 2)
  })

  test('[P13.16] after a refusal it waits for Retry-After', async () => {
    const game = await play([
      (response) => void response.writeHead(503, { 'retry-after': '12' }).end(),
      (response) => stream(response, hello('e.0'), event('e.1')),
    ])
    game.listen()
    await game.until(() => game.client.status.getSnapshot().status === 'waiting')
    await game.clock.advance(11_900)
    expect(game.requests).toHaveLength(1)
    await game.until(() => game.seen.length === 1, 500)
  })

  test('[P13.16] else it waits for a random part of a bound that doubles from 1 s to 30 s', async () => {
    const game = await play([(response) => void response.writeHead(500).end()])
    game.listen()
    const waits: number[] = []
    for (let attempt = 1; attempt <= 8; attempt++) {
      await game.until(() => game.requests.length === attempt && game.client.status.getSnapshot().status === 'waiting')
      const from = game.clock.monotonic()
      await game.until(() => game.requests.length === attempt + 1, 100)
      waits.push(game.clock.monotonic() - from)
    }
    // The random number of this test is always 0.5, and its steps are 100 ms.
    for (const [index, bound] of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000].entries()) {
      expect(waits[index]).toBeGreaterThanOrEqual(bound / 2 - 100)
      expect(waits[index]).toBeLessThanOrEqual(bound / 2 + 200)
    }
  })

  test('[P13.16] 401 is not repeated with the same credential: once with a new one, then it stops', async () => {
    const tokens = ['old', 'new', 'newer']
    const asked: boolean[] = []
    const game = await play([(response) => void response.writeHead(401).end()], {
      getToken: ({ refresh }) => {
        asked.push(refresh)
        return tokens[asked.length - 1]
      },
    })
    game.listen()
    await game.until(() => game.errors.some((error) => error.kind === 'authentication'), 100)
    await game.until(() => true, 120_000)
    expect(game.requests.map((request) => request.headers.authorization)).toEqual(['Bearer old', 'Bearer new'])
    expect(asked).toEqual([false, true])
  })

  test('[P5.15] after a bye whose reason it does not know it comes back where that makes sense, and stays away where not', async () => {
    const game = await play([
      (response) => {
        stream(response, hello('e.0'), bye({ reason: 'full_moon', retryAfterMs: 1_000 }))
        response.end()
      },
      (response) => {
        stream(response, hello('e.0'), event('e.1'), bye({ reason: 'new_moon', reconnect: false }))
        response.end()
      },
    ])
    game.listen()
    await game.until(() => game.seen.length === 1, 200)
    await game.until(() => game.client.status.getSnapshot().status === 'idle')
    await game.clock.advance(600_000)
    await game.until(() => true, 600_000)
    expect(game.requests).toHaveLength(2)
  })
})
