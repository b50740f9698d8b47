import { connect } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { memoryStore } from '#src/index.js'
import { parseCursor } from '#src/protocol/cursor.js'
import { fakeClock } from '#src/testing/fake-clock.js'
import { headersOf, numbers, root, startHub, type TestHub } from './server.js'

const note = (data: unknown = null, topic = 'news', rest: object = {}) => ({ topic, type: 'note', data, ...rest })

/** What a stream puts on the socket, as text without the framing of chunks, until `enough` says so. */
async function rawStream(
  hub: TestHub,
  query: string,
  enough: (body: string) => boolean,
  headers: Record<string, string> = {},
): Promise<{ head: string; body: string }> {
  const socket = connect({ port: hub.port, host: '127.0.0.1' })
  onTestFinished(() => void socket.destroy())
  const lines = Object.entries({ host: 'x', accept: 'text/event-stream', ...headersOf(root), ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  )
  socket.write(`GET /events?${query} HTTP/1.1\r\n${lines.join('')}\r\n`)
  let text = ''
  for await (const part of socket) {
    text += String(part)
    const [head = '', ...rest] = text.split('\r\n\r\n')
    const body = rest
      .join('\r\n\r\n')
      .replace(/(^|\r\n)[0-9a-f]+\r\n/g, '')
      .replace(/\r\n$/, '')
    if (enough(body)) return { head, body }
  }
  throw new Error(`The stream ended after ${JSON.stringify(text)}`)
}

const blocks = (body: string): string[] => body.split('\n\n').slice(0, -1)
const hasBlocks =
  (count: number) =>
  (body: string): boolean =>
    blocks(body).length >= count

describe('what a stream sends', () => {
  test('[P5.1] the headers that keep proxies from holding, changing or keeping it', async () => {
    const hub = await startHub()
    const { response, connectionId } = await hub.stream({ topics: ['news'] })
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(response.headers.get('cache-control')).toBe('no-store, no-transform')
    expect(response.headers.get('x-accel-buffering')).toBe('no')
    expect(connectionId).toMatch(/^[\w-]{22}$/)
    const other = await hub.stream({ topics: ['news'] })
    expect(other.connectionId).not.toBe(connectionId)
  })

  test('[P5.2, P5.3] the first bytes come at once: retry, hello, a comment line; then events', async () => {
    const hub = await startHub()
    await hub.publish(note(1))
    const { body } = await rawStream(hub, 'topic=news&since=start', hasBlocks(3))
    const [hello = '', comment = '', event = ''] = blocks(body)
    expect(hello).toMatch(/^retry: \d+\nid: [^\n]+\nevent: hello\ndata: \{[^\n]+\}$/)
    expect(comment).toMatch(/^: ?$/)
    expect(event).toContain('event: note')
    const empty = await rawStream(hub, 'topic=empty', hasBlocks(2))
    expect(blocks(empty.body)).toHaveLength(2)
  })

  test('[P5.2] the fetch handler sends its first bytes at once too', async () => {
    const hub = await startHub()
    const response = await hub.hub.fetch(new Request('http://hub/events?topic=a', { headers: headersOf(root) }))
    const reader = (response.body as ReadableStream<Uint8Array>).getReader()
    expect(new TextDecoder().decode((await reader.read()).value)).toMatch(/^retry: \d+\n/)
    await reader.cancel()
  })

  test('[P5.4] retry is another whole number for each connection, within its bounds', async () => {
    const hub = await startHub()
    const drawn: number[] = []
    for (let n = 0; n < 30; n++) {
      const reader = await hub.stream({ topics: ['a'] })
      await reader.control('hello')
      drawn.push(reader.retryMs ?? 0)
      await reader.close()
    }
    for (const retryMs of drawn)
      expect(Number.isInteger(retryMs) && retryMs >= 2_000 && retryMs <= 6_000, String(retryMs)).toBe(true)
    expect(new Set(drawn).size).toBeGreaterThan(20)
  })

  test('[P5.5, P5.6, P5.7] an event is one block: id, type, one line of data; without the type where named=false', async () => {
    const hub = await startHub()
    await hub.publish(note('a\r\n\r\ndata: x\u2028\0', 'news', { type: 'té:st' }))
    const named = blocks((await rawStream(hub, 'topic=news&since=start', hasBlocks(3))).body)
    expect(named).toHaveLength(3)
    const [id = '', event, data = '', ...more] = (named[2] ?? '').split('\n')
    expect(more).toEqual([])
    expect(event).toBe('event: té:st')
    expect(parseCursor(id.slice('id: '.length))?.seq).toBe(JSON.parse(data.slice('data: '.length)).seq)
    const unnamed = blocks((await rawStream(hub, 'topic=news&since=start&named=false', hasBlocks(3))).body)
    expect(unnamed[0]).toContain('event: hello')
    expect(unnamed[2]).toBe(`${id}\n${data}`)
  })

  test('[P5.8] hello comes first and says what the stream is', async () => {
    const hub = await startHub({ heartbeatMs: 12_345 })
    const reader = await hub.stream({ topics: ['b', 'a', 'b'] })
    expect(await reader.control('hello')).toEqual({
      connectionId: reader.connectionId,
      cursor: reader.lastEventId,
      resumed: false,
      topics: ['b', 'a'],
      heartbeatMs: 12_345,
      protocol: 1,
      degraded: false,
    })
    const resumed = await hub.stream({ topics: ['a'], since: reader.lastEventId })
    expect((await resumed.control('hello')).resumed).toBe(true)
  })

  test("[P5.9] hello's id is the cursor before the first event: cut there, nothing is lost", async () => {
    const hub = await startHub()
    const first = await hub.publish(note(1))
    await hub.publish(note(2))
    for (const since of ['start', first.body.cursor, '@0']) {
      const { body } = await rawStream(hub, `topic=news&since=${since}`, hasBlocks(1))
      const id = /^id: (.*)$/m.exec(body)?.[1] ?? ''
      expect(body).toContain(`"cursor":"${id}"`)
      const whole = numbers((await hub.poll(`topic=news&since=${since}`)).body.events)
      expect(numbers((await hub.poll(`topic=news&since=${id}`)).body.events)).toEqual(whole)
    }
  })

  test('[P5.10, P5.11] a quiet stream is pinged by name, and its cursor passes what was not for it', async () => {
    const clock = fakeClock()
    const hub = await startHub({ clock, store: memoryStore({ clock }), heartbeatMs: 10_000 })
    const reader = await hub.stream({ topics: ['news'] })
    await reader.control('hello')
    const other = await hub.publish(note(1, 'elsewhere'))
    await clock.advance(10_000)
    const ping = await reader.control('ping')
    expect(ping).toEqual({ cursor: other.body.cursor, degraded: false })
    expect(reader.lastEventId).toBe(ping.cursor)
    for (let beat = 0; beat < 3; beat++) {
      await clock.advance(10_000)
      await reader.control('ping')
    }
    expect(reader.all()).toEqual([])
    const raw = rawStream(hub, 'topic=news', (body) => body.includes('event: ping'))
    while (hub.hub.stats().connections < 2) await clock.advance(0)
    await clock.advance(10_000)
    expect((await raw).body).toMatch(/^id: [^\n]+\nevent: ping\ndata: \{"cursor":/m)
  })

  test('[P5.12, P5.14] gap, snapshot and bye have no id; bye carries its own retry', async () => {
    const hub = await startHub()
    await hub.call('/jobs', { body: { id: 'j', owner: 'user:root', kind: 'k' } })
    const streaming = rawStream(hub, 'topic=job:j&topic=news', (body) => body.includes('event: bye'), {
      'last-event-id': 'nonsense',
    })
    while (hub.hub.stats().connections === 0) await new Promise((resolve) => setImmediate(resolve))
    await new Promise((resolve) => setTimeout(resolve, 50)) // Lets the snapshot go out before the end.
    void hub.hub.close({ drainMs: 200 })
    const all = blocks((await streaming).body)
    const find = (name: string): string => all.find((block) => block.includes(`event: ${name}\n`)) ?? ''
    for (const name of ['gap', 'snapshot', 'bye']) expect(find(name)).not.toMatch(/^id/m)
    for (const name of ['gap', 'snapshot', 'bye']) expect(find(name)).toMatch(/^data: \{/m)
    const bye = find('bye')
    expect(/^retry: (\d+)$/m.exec(bye)?.[1]).toBe(String(JSON.parse(/^data: (.*)$/m.exec(bye)?.[1] ?? '').retryAfterMs))
    expect(all.at(-1)).toBe(bye)
  })
})

describe('the end of a stream', () => {
  test('[P5.13] every end that the hub decides on is told: shutdown, with a spread return', async () => {
    const hub = await startHub({ returnWindowMs: 8_000 })
    const readers = await Promise.all(Array.from({ length: 20 }, () => hub.stream({ topics: ['a'] })))
    await Promise.all(readers.map((reader) => reader.control('hello')))
    const closing = hub.hub.close({ drainMs: 1_000 })
    const byes = await Promise.all(readers.map((reader) => reader.control('bye')))
    for (const [index, bye] of byes.entries()) {
      expect(bye).toEqual({ reason: 'shutdown', retryAfterMs: readers[index]?.retryMs, reconnect: true })
      expect(bye.retryAfterMs).toBeLessThanOrEqual(8_000)
    }
    expect(new Set(byes.map((bye) => bye.retryAfterMs)).size).toBeGreaterThan(10)
    await Promise.all(readers.map((reader) => reader.ended()))
    await closing
  })

  test('[P5.16] a stream of ended jobs ends after their last events, and coming back is 204', async () => {
    const hub = await startHub()
    for (const id of ['a', 'b']) await hub.call('/jobs', { body: { id, owner: 'user:root', kind: 'k' } })
    const reader = await hub.stream({ topics: ['job:a', 'job:b'] })
    await reader.control('hello')
    await hub.call('/jobs/a/complete', { body: {} })
    expect((await reader.until((event) => event.type === 'job.completed')).at(-1)?.topic).toBe('job:a')
    await hub.call('/jobs/b/fail', { body: { error: { code: 'x', message: 'no' } } })
    expect((await reader.until((event) => event.type === 'job.failed')).at(-1)?.topic).toBe('job:b')
    expect(await reader.control('bye')).toMatchObject({ reason: 'ended', reconnect: false })
    await reader.ended()
    const back = await hub.call('/events?topic=job:a&topic=job:b', {
      headers: { 'last-event-id': reader.lastEventId },
      accept: 'text/event-stream',
    })
    expect([back.status, back.body]).toEqual([204, ''])
    // A reader that has not seen the ends gets them first; one with another topic stays.
    const late = await hub.stream({ topics: ['job:a', 'job:b'], since: 'start' })
    expect((await late.until((event) => event.type === 'job.failed')).at(-1)?.topic).toBe('job:b')
    expect((await late.control('bye')).reason).toBe('ended')
    const mixed = await hub.stream({ topics: ['job:a', 'news'], since: reader.lastEventId })
    await hub.publish(note(1))
    expect((await mixed.next()).data).toBe(1)
  })

  test('[P5.17] a stream ends with rotate at its greatest age, and with expired when its credential does', async () => {
    const clock = fakeClock()
    const hub = await startHub({ clock, store: memoryStore({ clock }), maxAgeMs: 100_000 })
    const reader = await hub.stream({ topics: ['a'] })
    const short = await hub.stream({ topics: ['a'], as: { ...root, expiresAt: clock.now() + 30_000 } })
    await Promise.all([reader.control('hello'), short.control('hello')])
    await clock.advance(29_000)
    expect(short.controls.some((control) => control.name === 'bye')).toBe(false)
    await clock.advance(2_000)
    expect(await short.control('bye')).toMatchObject({ reason: 'expired', reconnect: true })
    await short.ended()
    await clock.advance(48_000)
    expect(reader.controls.some((control) => control.name === 'bye')).toBe(false)
    await clock.advance(22_000)
    expect(await reader.control('bye')).toMatchObject({ reason: 'rotate', reconnect: true })
    await reader.ended()
  })
})

describe('where a stream begins', () => {
  test('[P6.1] Last-Event-ID decides alone, then since, then now', async () => {
    const hub = await startHub()
    const cursors: string[] = []
    for (const n of [1, 2, 3]) cursors.push((await hub.publish(note(n))).body.cursor)
    const begins = async (since?: string, lastEventId?: string): Promise<unknown[]> => {
      const reader = await hub.stream({
        topics: ['news'],
        ...(since !== undefined && { since }),
        ...(lastEventId !== undefined && { lastEventId }),
      })
      await reader.control('hello')
      const end = await hub.publish(note('end'))
      const seen = numbers(await reader.until((event) => event.seq === parseCursor(end.body.cursor)?.seq))
      await reader.close()
      return seen.filter((data) => data !== 'end')
    }
    expect(await begins()).toEqual([])
    expect(await begins('now')).toEqual([])
    expect(await begins('start')).toEqual([1, 2, 3])
    expect(await begins('start', '')).toEqual([1, 2, 3])
    expect(await begins('now', cursors[1])).toEqual([3])
    expect(await begins('start', cursors[1])).toEqual([3])
    expect(await begins(cursors[0])).toEqual([2, 3])
  })

  test('[P6.2, P8.6] a cursor begins behind it, start with the oldest kept; in a poll too', async () => {
    const hub = await startHub({ store: memoryStore({ retention: { events: 5 } }) })
    const cursors: string[] = []
    for (let n = 1; n <= 20; n++) cursors.push((await hub.publish(note(n))).body.cursor)
    const kept = numbers((await hub.poll('topic=news&since=start')).body.events)
    expect(kept.slice(-5)).toEqual([16, 17, 18, 19, 20])
    expect(kept.length).toBeLessThanOrEqual(6)
    const reader = await hub.stream({ topics: ['news'], since: cursors[17] as string })
    expect(numbers([await reader.next(), await reader.next()])).toEqual([19, 20])
    expect(numbers((await hub.poll(`topic=news&since=${cursors[17]}`)).body.events)).toEqual([19, 20])
  })

  test('[P6.3] since=@ms holds every event from that moment on', async () => {
    const clock = fakeClock()
    const hub = await startHub({ clock, store: memoryStore({ clock }) })
    const moments: number[] = []
    for (let n = 0; n < 10; n++) {
      moments.push(clock.now())
      await hub.publish(note(n))
      await clock.advance(45_000)
    }
    for (const [n, moment] of moments.entries()) {
      const { events } = (await hub.poll(`topic=news&since=@${moment}`)).body
      const wanted = Array.from({ length: 10 - n }, (_, k) => n + k)
      expect(numbers(events).slice(-wanted.length)).toEqual(wanted)
      for (const event of events) expect(event.timestamp).toBeGreaterThanOrEqual(moment - 60_000)
    }
    expect(numbers((await hub.poll(`topic=news&since=@${clock.now() + 1}`)).body.events)).toEqual([])
    expect(numbers((await hub.poll('topic=news&since=@0')).body.events)).toHaveLength(10)
  })

  test('[P6.4] a malformed since is 400 by its name', async () => {
    const hub = await startHub()
    for (const since of [
      '',
      'yesterday',
      '1',
      '@',
      '@x',
      '@-1',
      '@1.5',
      'a.b',
      'e.-1',
      'e.01',
      `${'e'.repeat(64)}.1`,
      'START',
    ]) {
      for (const accept of ['text/event-stream', 'application/json']) {
        const refused = await hub.call(`/events?topic=a&since=${encodeURIComponent(since)}`, { accept })
        expect([since, refused.status, refused.body]).toEqual([
          since,
          400,
          expect.objectContaining({ code: 'cursor_invalid', field: 'since' }),
        ])
      }
    }
  })

  test('[P6.5, P6.6, P8.6] a Last-Event-ID that proves nothing is a gap, never a status', async () => {
    const hub = await startHub()
    const { cursor } = (await hub.publish(note(1))).body
    const [epoch] = cursor.split('.')
    const cases: [string, string][] = [
      ['nonsense', 'unknown'],
      ['-1', 'unknown'],
      ['NaN', 'unknown'],
      [`${epoch}.01`, 'unknown'],
      ['x'.repeat(4_000), 'unknown'],
      ['caf\u00e9', 'unknown'],
      [`${epoch}.999`, 'unknown'],
      ['another.1', 'epoch'],
    ]
    for (const [lastEventId, reason] of cases) {
      const reader = await hub.stream({ topics: ['news'], lastEventId })
      expect((await reader.control('hello')).resumed).toBe(false)
      expect(await reader.control('gap')).toMatchObject({ reason, cursor: expect.any(String) })
      expect((await reader.next()).data).toBe(1)
      await reader.close()
      const poll = await hub.poll('topic=news', { headers: { 'last-event-id': lastEventId } })
      expect([poll.status, poll.body.gaps, numbers(poll.body.events)]).toEqual([
        200,
        [expect.objectContaining({ reason })],
        [1],
      ])
    }
  })

  test('[P6.6, P6.7] a gap names its topics; those go on from their oldest event, the others from the cursor', async () => {
    const hub = await startHub({ store: memoryStore({ retention: { events: 3 } }) })
    await hub.publish(note('before', 'quiet'))
    const { cursor } = (await hub.publish(note('seen', 'busy'))).body
    await hub.publish(note('after', 'quiet'))
    for (let n = 1; n <= 10; n++) await hub.publish(note(n, 'busy'))
    const reader = await hub.stream({ topics: ['quiet', 'busy'], since: cursor })
    expect(await reader.control('gap')).toMatchObject({ reason: 'expired', topics: ['busy'] })
    const events = await reader.until((event) => event.data === 10)
    expect(numbers(events)).toContain('after')
    expect(numbers(events)).not.toContain('before')
    expect(numbers(events.filter((event) => event.topic === 'busy')).slice(-3)).toEqual([8, 9, 10])
    const all = await hub.poll('topic=busy', { headers: { 'last-event-id': cursor } })
    expect(all.body.gaps).toEqual([{ reason: 'expired', cursor: expect.any(String) }])
  })

  test('[P6.6] one gap is told once on one connection, however many reads it spans; from start there is none', async () => {
    const hub = await startHub({ store: memoryStore({ retention: { events: 3 } }), pageEvents: 2 })
    const { cursor } = (await hub.publish(note('seen', 'busy'))).body
    for (let n = 1; n <= 10; n++) await hub.publish(note(n, 'busy'))
    for (const topic of ['quiet', 'calm', 'still']) for (let n = 0; n < 3; n++) await hub.publish(note(n, topic))
    for (let n = 11; n <= 20; n++) await hub.publish(note(n, 'busy'))
    const topics = ['quiet', 'busy', 'calm', 'still']
    const query = topics.map((topic) => `topic=${topic}`).join('&')
    for (const [options, gaps] of [
      [{ since: cursor }, ['expired']],
      [{ lastEventId: 'nonsense' }, ['unknown']],
      [{ since: 'start' }, []],
    ] as const) {
      const reader = await hub.stream({ topics, ...options })
      const events = await reader.until((event) => event.data === 20)
      expect(events).toHaveLength(12)
      expect(reader.controls.flatMap((control) => (control.name === 'gap' ? [control.data.reason] : []))).toEqual(gaps)
      const headers = 'lastEventId' in options ? { 'last-event-id': options.lastEventId } : {}
      const poll = await hub.poll(`${query}${'since' in options ? `&since=${options.since}` : ''}`, { headers })
      expect((poll.body.gaps ?? []).map((gap) => gap.reason)).toEqual(gaps)
    }
  })

  test('[P6.8] a gap is told again until the cursor has passed it, and then no more', async () => {
    const hub = await startHub({ store: memoryStore({ retention: { events: 3 } }) })
    const { cursor } = (await hub.publish(note(0))).body
    for (let n = 1; n <= 10; n++) await hub.publish(note(n))
    for (let attempt = 0; attempt < 3; attempt++) {
      const reader = await hub.stream({ topics: ['news'], since: cursor })
      expect((await reader.control('gap')).reason).toBe('expired')
      await reader.close()
    }
    const reader = await hub.stream({ topics: ['news'], since: cursor })
    await reader.until((event) => event.data === 10)
    const back = await hub.stream({ topics: ['news'], since: reader.lastEventId })
    expect((await back.control('hello')).resumed).toBe(true)
    await hub.publish(note('next'))
    await back.next()
    expect(back.controls.map((control) => control.name)).toEqual(['hello'])
  })

  test('[P6.9, P6.10] a job is told whole when a stream begins now and after a gap; not on a resume, not from start', async () => {
    const hub = await startHub()
    await hub.call('/jobs', { body: { id: 'j', owner: 'user:root', kind: 'k', total: 4 } })
    await hub.call('/jobs/j', { method: 'PATCH', body: { increment: { processed: 1 } } })
    const fresh = await hub.stream({ topics: ['job:j', 'news'] })
    expect(await fresh.control('snapshot')).toMatchObject({ job: { id: 'j', percent: 25 }, cursor: expect.any(String) })
    const gapped = await hub.stream({ topics: ['job:j', 'news'], lastEventId: 'nonsense' })
    await gapped.control('gap')
    expect((await gapped.control('snapshot')).job.id).toBe('j')
    const names = gapped.controls.map((control) => control.name)
    expect(names.indexOf('gap')).toBeLessThan(names.indexOf('snapshot'))
    for (const options of [{ since: fresh.lastEventId }, { since: 'start' }]) {
      const reader = await hub.stream({ topics: ['job:j', 'news'], ...options })
      await hub.publish(note('end'))
      await reader.until((event) => event.data === 'end')
      expect(reader.controls.map((control) => control.name)).toEqual(['hello'])
    }
    const polled = (await hub.poll('topic=job:j')).body
    expect(polled.snapshots).toMatchObject([{ job: { id: 'j' } }])
  })

  test("[P6.11] after a snapshot the job's events at or below it do not follow", async () => {
    const hub = await startHub()
    await hub.call('/jobs', { body: { id: 'j', owner: 'user:root', kind: 'k' } })
    const count = async (times: number): Promise<void> => {
      for (let n = 0; n < times; n++)
        await hub.call('/jobs/j', {
          method: 'PATCH',
          body: { increment: { processed: 1 }, log: [{ level: 'info', message: 'x' }] },
        })
    }
    const counting = count(40)
    // Readers join while the job moves; after the gap the log is replayed from its beginning.
    for (let n = 0; n < 8; n++) {
      const reader = await hub.stream({ topics: ['job:j', 'news'], ...(n % 2 === 0 && { lastEventId: 'nonsense' }) })
      const snapshot = await reader.control('snapshot')
      await hub.publish(note(n))
      const events = await reader.until((event) => event.data === n)
      const after = parseCursor(snapshot.cursor)?.seq ?? 0
      for (const event of events) if (event.topic === 'job:j') expect(event.seq).toBeGreaterThan(after)
      await reader.close()
    }
    await counting
  })
})
