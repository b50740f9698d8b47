import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { memoryStore } from '#src/index.js'
import { decodeEnvelope, type TidingsEvent } from '#src/protocol/event.js'
import { createSseDecoder } from '#src/protocol/sse-decode.js'
import { fakeClock } from '#src/testing/fake-clock.js'
import { seededRandom } from '#src/testing/seeded-random.js'
import { collect } from '../fixtures/collect.js'
import { headersOf, numbers, root, startHub, type TestHub } from './server.js'

const note = (data: unknown = null, topic = 'news', rest: object = {}) => ({ topic, type: 'note', data, ...rest })

/** A reader on a bare socket, which reads only when it is told to. */
class SlowReader {
  readonly events: TidingsEvent[] = []
  readonly controls: string[] = []
  readonly socket: Socket
  lastEventId = ''
  readonly #decoder = createSseDecoder({
    onMessage: ({ event, data }) => {
      if (['hello', 'ping', 'gap', 'bye', 'snapshot'].includes(event)) this.controls.push(event)
      else this.events.push(decodeEnvelope(data))
    },
    onId: (id) => {
      this.lastEventId = id
    },
  })

  constructor(socket: Socket) {
    this.socket = socket
  }

  static async open(hub: TestHub, query: string): Promise<SlowReader> {
    const socket = connect({ port: hub.port, host: '127.0.0.1' })
    onTestFinished(() => void socket.destroy())
    socket.on('error', () => {})
    const session = headersOf(root)['x-session']
    // HTTP/1.0: the body comes without the framing of chunks.
    socket.write(
      `GET /events?${query} HTTP/1.0\r\nhost: x\r\naccept: text/event-stream\r\nx-session: ${session}\r\n\r\n`,
    )
    const reader = new SlowReader(socket)
    const [first] = (await once(socket, 'data')) as [Buffer]
    socket.pause()
    reader.#decoder.push(first.subarray(first.indexOf('\r\n\r\n') + 4))
    return reader
  }

  /** Reads on until `enough`, or the end. */
  async read(enough: () => boolean): Promise<void> {
    this.socket.on('data', (part: Buffer) => this.#decoder.push(part))
    this.socket.resume()
    const ended = once(this.socket, 'close').then(() => true)
    while (
      !enough() &&
      !(await Promise.race([ended, new Promise<false>((resolve) => setTimeout(() => resolve(false), 5))]))
    );
  }
}

const big = 'x'.repeat(20_000)

describe('delivery', () => {
  test('[P7.1, P7.2] ascending and once, also for several of its topics, live and from the log', async () => {
    const hub = await startHub()
    const topics = ['a', 'b', 'c']
    const readers = [await hub.stream({ topics })]
    const publishing = Promise.all(
      Array.from({ length: 200 }, (_, n) =>
        hub.publish({ topics: [topics[n % 3], topics[(n + 1) % 3]], type: 'note', data: n }),
      ),
    )
    for (let n = 0; n < 4; n++) readers.push(await hub.stream({ topics, since: 'start' }))
    await publishing
    await hub.publish(note('end', 'a'))
    for (const reader of readers) {
      const events = await reader.until((event) => event.data === 'end')
      const seqs = events.map((event) => event.seq ?? 0)
      expect(seqs).toEqual([...new Set(seqs)].toSorted((x, y) => x - y))
      expect(new Set(numbers(events)).size).toBe(201)
    }
  })

  test('[P7.3] what was acknowledged arrives: at those who are there, and at those who come back', async () => {
    const hub = await startHub()
    const there = await hub.stream({ topics: ['news'] })
    const away = await hub.stream({ topics: ['news'] })
    await away.control('hello')
    await away.close()
    const acknowledged: string[] = []
    for (let n = 0; n < 50; n++) acknowledged.push((await hub.publish(note(n))).body.id)
    const live = await there.until((event) => event.id === acknowledged.at(-1))
    const back = await hub.stream({ topics: ['news'], lastEventId: away.lastEventId })
    const replayed = await back.until((event) => event.id === acknowledged.at(-1))
    expect(live.map((event) => event.id)).toEqual(acknowledged)
    expect(replayed).toEqual(live)
  })

  test('[P7.4] one publisher keeps its order, one by one and in a batch', async () => {
    const hub = await startHub()
    const publisher = async (name: string): Promise<void> => {
      for (let n = 0; n < 20; n += 4) {
        await hub.publish(note([name, n]))
        await hub.publish([1, 2, 3].map((k) => note([name, n + k])))
      }
    }
    await Promise.all(['x', 'y', 'z'].map(publisher))
    const { events } = (await hub.poll('topic=news&since=start')).body
    for (const name of ['x', 'y', 'z']) {
      const own = (numbers(events) as [string, number][]).filter(([who]) => who === name).map(([, n]) => n)
      expect(own).toEqual(Array.from({ length: 20 }, (_, n) => n))
    }
  })

  test('[P7.5, P8.2] cut anywhere, between stream and poll, the parts make up the whole', async () => {
    const hub = await startHub()
    const random = seededRandom(1_207)
    const below = (bound: number): number => Math.floor(random.fraction() * bound)
    const topics = 'topic=a&topic=b'
    for (let run = 0; run < 12; run++) {
      const begin = (await hub.poll(topics)).body.cursor
      const publishing = (async () => {
        for (let n = 0; n < 60; n++)
          await hub.publish(note(n, n % 3 === 0 ? 'b' : 'a', { metadata: { pad: 'p'.repeat(below(400)) } }))
      })()
      let cursor = begin
      const seen: TidingsEvent[] = []
      while (seen.at(-1)?.data !== 59) {
        if (below(2) === 0) {
          const { body } = await hub.poll(`${topics}&since=${cursor}&limit=${1 + below(9)}&wait=0.05`)
          expect(body.gaps).toBeUndefined()
          seen.push(...body.events)
          cursor = body.cursor
        } else cursor = await readSome(hub, topics, cursor, below(6_000), seen)
      }
      await publishing
      const whole = (await hub.poll(`${topics}&since=${begin}`)).body.events
      expect(seen).toEqual(whole)
    }
  })

  /** Streams from `cursor` until `bytes` of the body have come, then hangs up. What was not closed by an empty line is lost. */
  async function readSome(
    hub: TestHub,
    topics: string,
    cursor: string,
    bytes: number,
    seen: TidingsEvent[],
  ): Promise<string> {
    const abort = new AbortController()
    const late = setTimeout(() => abort.abort(), 80) // A stream that has nothing more to say ends no other way.
    let last = cursor
    let left = bytes
    const decoder = createSseDecoder({
      onMessage: ({ event, data }) => event === 'note' && seen.push(decodeEnvelope(data)),
      onId: (id) => {
        last = id
      },
    })
    try {
      const response = await fetch(`${hub.url}/events?${topics}`, {
        headers: { ...headersOf(root), 'last-event-id': cursor },
        signal: abort.signal,
      })
      for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
        decoder.push(part.subarray(0, left))
        left -= part.length
        if (left <= 0) break
      }
    } catch {
      // Hung up while waiting, for more or for the first byte.
    }
    clearTimeout(late)
    abort.abort()
    return last
  }
})

describe('slow readers', () => {
  test('[P7.6] one that stops reading costs the hub little and others nothing, and gets all when it goes on', async () => {
    const hub = await startHub({ store: memoryStore({ retention: { bytes: 64 * 1024 * 1024 } }) })
    const slow = await SlowReader.open(hub, 'topic=news')
    const quick = await hub.stream({ topics: ['news'] })
    await quick.control('hello')
    collect()
    const before = process.memoryUsage().arrayBuffers
    for (let n = 0; n < 600; n++) await hub.hub.publish(note([n, big]))
    const lastOf = (events: readonly TidingsEvent[]): unknown => (events.at(-1)?.data as unknown[])?.[0]
    expect(lastOf(await quick.until((event) => (event.data as unknown[])[0] === 599))).toBe(599)
    // 12 MB went by. Buffers of the quick reader come and go; a queue for the slow one would keep them all.
    const grown = (): number => {
      collect()
      return process.memoryUsage().arrayBuffers - before
    }
    // What was collected is given back a little later.
    await expect.poll(grown).toBeLessThan(40 * 1024 * 1024)
    await slow.read(() => lastOf(slow.events) === 599)
    expect(slow.events.map((event) => (event.data as unknown[])[0])).toEqual(Array.from({ length: 600 }, (_, n) => n))
  })

  test('[P7.7] one that takes no byte for its time is let go, and comes back with its cursor', async () => {
    const clock = fakeClock()
    const hub = await startHub({
      clock,
      store: memoryStore({ clock, retention: { bytes: 64 * 1024 * 1024 } }),
      slowConsumerMs: 30_000,
      heartbeatMs: 25_000,
    })
    const slow = await SlowReader.open(hub, 'topic=news')
    for (let n = 0; n < 600; n++) await hub.hub.publish(note([n, big]))
    expect(hub.hub.stats().connections).toBe(1)
    await clock.advance(29_000)
    expect(hub.hub.stats().connections).toBe(1)
    await clock.advance(35_000)
    expect(hub.hub.stats().connections).toBe(0)
    await slow.read(() => false)
    expect(slow.events.length).toBeLessThan(600)
    const back = await hub.stream({ topics: ['news'], lastEventId: slow.lastEventId })
    const rest = await back.until((event) => (event.data as unknown[])[0] === 599)
    expect([...slow.events, ...rest].map((event) => (event.data as unknown[])[0])).toEqual(
      Array.from({ length: 600 }, (_, n) => n),
    )
  })

  test('[P7.8, P7.9] what is left out for one that lags: low ones and older ones of a key; never the newest, never critical', async () => {
    const hub = await startHub({ store: memoryStore({ retention: { events: 5_000, bytes: 64 * 1024 * 1024 } }) })
    const slow = await SlowReader.open(hub, 'topic=news')
    const quick = await hub.stream({ topics: ['news'] })
    await quick.control('hello')
    // Each is awaited at the quick reader, so that it never lags; the padding comes first, so that the slow one always does.
    const publish = async (data: unknown[], rest: object = {}): Promise<void> => {
      await hub.hub.publish(note(data, 'news', rest))
      expect((await quick.next()).data).toEqual(data)
    }
    const key = { metadata: { conflationKey: 'k' } }
    for (let n = 0; n < 400; n++) await publish(['pad', n, big])
    for (let n = 0; n < 50; n++) {
      await publish(['low', n], { priority: 'low' })
      await publish(['keyed', n], key)
      await publish(['critical', n], { priority: 'critical', ...key })
      await publish(['normal', n])
    }
    await publish(['keyed', 'newest'], { priority: 'low', ...key })
    await publish(['end'])
    const isEnd = (event: TidingsEvent | undefined): boolean => (event?.data as unknown[])?.[0] === 'end'
    await slow.read(() => isEnd(slow.events.at(-1)))
    const got = (kind: string): unknown[] =>
      slow.events.flatMap((event) => ((event.data as unknown[])[0] === kind ? [(event.data as unknown[])[1]] : []))
    const fifty = Array.from({ length: 50 }, (_, n) => n)
    expect(got('normal')).toEqual(fifty)
    expect(got('critical')).toEqual(fifty)
    expect(got('pad')).toHaveLength(400)
    expect(got('keyed').at(-1)).toBe('newest')
    expect(got('keyed').length).toBeLessThan(51)
    expect(got('low').length).toBeLessThan(50)
    // Leaving out changes neither the order nor what counts as whole.
    const seqs = slow.events.map((event) => event.seq ?? 0)
    expect(seqs).toEqual(seqs.toSorted((x, y) => x - y))
    expect(slow.controls).not.toContain('gap')
  })
})

describe('volatile events', () => {
  test('[P7.10] they have neither id nor seq, reach who is live, and leave cursors alone', async () => {
    const hub = await startHub()
    const live = await hub.stream({ topics: ['news', 'other'] })
    await live.control('hello')
    await hub.publish(note('logged'))
    await live.next()
    const before = live.lastEventId
    await hub.publish({ topics: ['news', 'other'], type: 'typing', data: 1, volatile: true })
    const event = await live.next()
    expect(event).toMatchObject({ type: 'typing', data: 1, volatile: true, topic: 'news', topics: ['news', 'other'] })
    expect(event).not.toHaveProperty('seq')
    expect(live.lastEventId).toBe(before)
    const late = await hub.stream({ topics: ['news'], since: 'start' })
    await hub.publish(note('end'))
    expect(numbers(await late.until((one) => one.data === 'end'))).toEqual(['logged', 'end'])
  })
})

describe('polls', () => {
  test('[P8.1, P2.1] the body has its members, and its events are whole envelopes', async () => {
    const hub = await startHub({ heartbeatMs: 9_000 })
    const { body: stored } = await hub.publish(
      note({ n: 1 }, 'news', { priority: 'high', source: 'test', metadata: { correlationId: 'c' } }),
    )
    const { status, headers, body } = await hub.poll('topic=news&since=start')
    expect([status, headers.get('content-type'), headers.get('cache-control')]).toEqual([
      200,
      'application/json',
      'no-store',
    ])
    expect(body).toEqual({
      protocol: 1,
      events: [
        {
          id: stored.id,
          type: 'note',
          topic: 'news',
          seq: 1,
          timestamp: expect.any(Number),
          priority: 'high',
          source: 'test',
          version: 1,
          data: { n: 1 },
          metadata: { correlationId: 'c' },
        },
      ],
      cursor: stored.cursor,
      upToDate: true,
      heartbeatMs: 9_000,
    })
    const reader = await hub.stream({ topics: ['news'], since: 'start' })
    expect(await reader.next()).toEqual(body.events[0])
  })

  test('[P8.3] limit bounds one answer, and upToDate says whether there is more', async () => {
    const hub = await startHub()
    for (let n = 0; n < 10; n++) await hub.publish(note(n))
    const seen: unknown[] = []
    let since = 'start'
    for (const more of [true, true, false]) {
      const { body } = await hub.poll(`topic=news&since=${since}&limit=4`)
      expect(body.events.length).toBeLessThanOrEqual(4)
      if (more) expect(body.upToDate).toBe(false)
      seen.push(...numbers(body.events))
      since = body.cursor
    }
    expect(seen).toEqual(Array.from({ length: 10 }, (_, n) => n))
    expect((await hub.poll(`topic=news&since=${since}&limit=4`)).body).toMatchObject({ events: [], upToDate: true })
  })

  test('[P8.4] wait holds an empty answer until something comes, and no longer than that', async () => {
    const clock = fakeClock()
    const hub = await startHub({ clock, store: memoryStore({ clock }) })
    const { cursor } = (await hub.publish(note(0))).body
    const held = hub.poll(`topic=news&since=${cursor}&wait=30`)
    while (hub.hub.stats().connections === 0) await clock.advance(0)
    await clock.advance(29_000)
    await hub.publish(note(1, 'elsewhere'))
    await hub.publish(note(2))
    expect(numbers((await held).body.events)).toEqual([2])
    // Something to tell: not held at all.
    expect(numbers((await hub.poll(`topic=news&since=${cursor}&wait=30`)).body.events)).toEqual([2])
    const empty = hub.poll('topic=news&since=now&wait=5')
    while (hub.hub.stats().connections === 0) await clock.advance(0)
    await clock.advance(5_000)
    expect((await empty).body).toMatchObject({ events: [], upToDate: true })
  })

  test('[P8.5] a poll that names no place is answered at once with the current cursor', async () => {
    const hub = await startHub()
    const { cursor } = (await hub.publish(note(1))).body
    const { body } = await hub.poll('topic=news&wait=30')
    expect(body).toMatchObject({ events: [], cursor, upToDate: true })
    await hub.publish(note(2))
    expect(numbers((await hub.poll(`topic=news&since=${body.cursor}`)).body.events)).toEqual([2])
  })
})
