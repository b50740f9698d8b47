import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { toNodeHandler } from '#src/http/node.js'
import { type Hub, TidingsError, createHub, memoryStore } from '#src/index.js'
import { createSseDecoder } from '#src/protocol/sse-decode.js'

let hub: Hub
let base: string
let close: () => Promise<void>

beforeAll(async () => {
  hub = await createHub({ development: true, store: memoryStore({ retention: { events: 100_000 } }) })
  const server = createServer(toNodeHandler(hub)).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  close = async () => {
    await hub.close({ drainMs: 100 })
    server.closeAllConnections()
    server.close()
  }
})
afterAll(() => close())

/** Reads a stream up to a byte, through Node or through `hub.fetch`, and gives the events and the cursor it was left with. */
async function streamPart(url: string, cursor: string, bytes: number, through: 'node' | 'fetch') {
  const numbers: number[] = []
  let last = cursor
  const decoder = createSseDecoder({
    onMessage: ({ event, data }) => void (event === 'n' && numbers.push(JSON.parse(data).data)),
    onId: (id) => {
      last = id
    },
  })
  const stop = new AbortController()
  const init = {
    headers: { Accept: 'text/event-stream', ...(cursor && { 'Last-Event-ID': cursor }) },
    signal: stop.signal,
  }
  const response = await (through === 'node' ? fetch(url, init) : hub.fetch(new Request(url, init)))
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  let left = bytes
  while (left > 0) {
    const { value, done } = await reader.read()
    if (done) break
    decoder.push(value.subarray(0, left))
    left -= value.length
  }
  await reader.cancel().catch(() => {})
  stop.abort()
  return { numbers, cursor: last }
}

describe('one sequence, whatever carries it', () => {
  test('I9, D3: cut at random bytes and switched at random between stream, fetch handler and poll, a reader gets each event once, in order', async () => {
    let topicNumber = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            way: fc.constantFrom('node' as const, 'fetch' as const, 'poll' as const),
            size: fc.integer({ min: 200, max: 4_000 }),
            publish: fc.nat(6),
          }),
          { minLength: 3, maxLength: 12 },
        ),
        async (steps) => {
          const topic = `user:u${++topicNumber}`
          const url = `${base}/events?topic=${topic}&userId=u${topicNumber}`
          let published = 0
          const publish = async (count: number): Promise<void> => {
            for (let index = 0; index < count; index++) await hub.publish({ topic, type: 'n', data: published++ })
          }
          const first = (await (await fetch(url, { headers: { Accept: 'application/json' } })).json()) as {
            cursor: string
          }
          let { cursor } = first
          const seen: number[] = []
          await publish(5)
          for (const { way, size, publish: count } of steps) {
            // Published before the part is read, so that the bytes asked for are surely sent; the rest goes by while nobody reads.
            await publish(count + Math.ceil(size / 250))
            if (way === 'poll') {
              const limit = Math.max(1, Math.floor(size / 400))
              const body = (await (
                await fetch(`${url}&since=${cursor}&limit=${limit}`, { headers: { Accept: 'application/json' } })
              ).json()) as any
              expect(body.gaps).toBeUndefined()
              expect(body.events.length).toBeLessThanOrEqual(limit)
              seen.push(...body.events.map((event: any) => event.data))
              cursor = body.cursor
            } else {
              const part = await streamPart(url, cursor, size, way)
              seen.push(...part.numbers)
              cursor = part.cursor
            }
          }
          for (;;) {
            const body = (await (
              await fetch(`${url}&since=${cursor}`, { headers: { Accept: 'application/json' } })
            ).json()) as any
            seen.push(...body.events.map((event: any) => event.data))
            cursor = body.cursor
            if (body.upToDate) break
          }
          expect(seen).toEqual(Array.from({ length: published }, (_, index) => index))
        },
      ),
      { numRuns: 40 },
    )
  })

  test('S5: a poll whose store fails is refused, so that nobody takes it for "nothing new"', async () => {
    const real = memoryStore()
    let readsLeft = Number.POSITIVE_INFINITY
    const store = new Proxy(real, {
      get(target, name: keyof typeof real) {
        const member = target[name]
        if (typeof member !== 'function') return member
        if (name !== 'read') return member.bind(target)
        return (...given: Parameters<typeof real.read>) =>
          readsLeft-- > 0
            ? target.read(...given)
            : Promise.reject(new TidingsError('store_unavailable', 'The store is away.'))
      },
    })
    const failing = await createHub({ development: true, store, ringBytes: 1, onError: () => {} })
    const poll = (since: string): Promise<Response> =>
      failing.fetch(
        new Request(`http://localhost/events?topic=user:7&userId=7&since=${since}`, {
          headers: { Accept: 'application/json' },
        }),
      )
    await failing.publish({ topic: 'user:7', type: 'n', data: 1 })
    const { cursor } = await failing.publish({ topic: 'user:7', type: 'n', data: 2 })
    const before = String(cursor).replace(/2$/, '0')
    expect((await poll(before)).status).toBe(200)
    // The first read proves the cursor, the second would bring the events.
    readsLeft = 1
    const refusal = await poll(before)
    expect(refusal.status).toBe(503)
    expect(refusal.headers.get('Retry-After')).not.toBeNull()
    await failing.close({ drainMs: 0 })
  })

  test('a held poll is answered by the next event at once, and a poll whose wait is over by its cursor', async () => {
    const url = `${base}/events?topic=user:held&userId=held`
    const json = { headers: { Accept: 'application/json' } }
    const { cursor } = (await (await fetch(url, json)).json()) as { cursor: string }
    const held = fetch(`${url}&since=${cursor}&wait=20`, json)
    await expect
      .poll(async () => ((await (await fetch(`${base}/topics/user:held?userId=held`)).json()) as any).readers)
      .toBe(1)
    await hub.publish({ topic: 'user:held', type: 'n', data: 1 })
    const body = (await (await held).json()) as any
    expect(body.events.map((event: any) => event.data)).toEqual([1])
    const quiet = (await (await fetch(`${url}&since=${body.cursor}&wait=0.05`, json)).json()) as any
    expect(quiet).toMatchObject({ events: [], upToDate: true })
  })
})
