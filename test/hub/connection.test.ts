import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { parseCursor } from '#src/protocol/cursor.js'
import { memoryStore } from '#src/store/memory.js'
import { TestOutlet, connect, coreOver } from './core.js'

const publishMany = async (
  core: Awaited<ReturnType<typeof coreOver>>,
  count: number,
  extra: object = {},
  from = 0,
): Promise<void> => {
  await Promise.all(
    Array.from({ length: count }, (_, index) =>
      core.publish('default', [{ topic: 't', type: 'n', data: from + index, ...extra }], false),
    ),
  )
}

describe('a connection is a position (D6)', () => {
  test('D1, D5: a live reader gets what is published after it came, in ascending order', async () => {
    const core = await coreOver()
    await publishMany(core, 5)
    const { outlet } = await connect(core, { topics: ['t'] })
    await publishMany(core, 20, {}, 100)
    await outlet.until(() => outlet.events().length === 20)
    expect(outlet.events().map((event) => event.data)).toEqual(Array.from({ length: 20 }, (_, index) => 100 + index))
    const seqs = outlet.events().map((event) => event.seq)
    expect([...seqs].sort((a, b) => a - b)).toEqual(seqs)
    await core.close(0)
  })

  test('D5: hello names the position before the first event that follows, and a stream cut at once resumes there', async () => {
    const core = await coreOver()
    await publishMany(core, 3)
    const first = await connect(core, { topics: ['t'] })
    const hello = first.outlet.seen[0]?.payload
    first.connection?.gone()
    await publishMany(core, 3, {}, 10)
    const position = parseCursor(hello.cursor)
    const second = await connect(core, { topics: ['t'], start: { kind: 'cursor', position: position! } })
    await second.outlet.until(() => second.outlet.events().length === 3)
    expect(second.outlet.events().map((event) => event.data)).toEqual([10, 11, 12])
    expect(second.outlet.seen[0]?.payload.resumed).toBe(true)
    await core.close(0)
  })

  test('I10: replay hands over to live without a hole or a repetition while a publisher hammers', async () => {
    const core = await coreOver(memoryStore({ retention: { events: 100_000 } }), { pageEvents: 50 })
    let stop = false
    let published = 0
    const hammer = (async () => {
      while (!stop) {
        await publishMany(core, 20, {}, published)
        published += 20
        await new Promise((resolve) => setImmediate(resolve))
      }
    })()
    const readers = []
    for (let index = 0; index < 20; index++) {
      readers.push(await connect(core, { topics: ['t'], start: { kind: 'start' } }))
      await new Promise((resolve) => setImmediate(resolve))
    }
    stop = true
    await hammer
    for (const { outlet } of readers) {
      await outlet.until(() => outlet.events().length >= published)
      expect(outlet.events().map((event) => event.data)).toEqual(Array.from({ length: published }, (_, index) => index))
    }
    await core.close(0)
  })

  test('D6: a reader that stops holds a bounded buffer, and when it drains reads on in order, once', async () => {
    const core = await coreOver(memoryStore({ retention: { events: 100_000, bytes: 1024 ** 3 } }), {
      ringBytes: 64 * 1024,
    })
    const { outlet } = await connect(core, { topics: ['t'] })
    outlet.open = false
    for (let round = 0; round < 50; round++) await publishMany(core, 100, {}, round * 100)
    expect(outlet.mostWaiting).toBeLessThan(outlet.limit + 8 * 1024)
    expect(outlet.events().length).toBeLessThan(5_000)
    outlet.drain()
    await outlet.until(() => outlet.events().length === 5_000)
    expect(outlet.events().map((event) => event.data)).toEqual(Array.from({ length: 5_000 }, (_, index) => index))
    await core.close(0)
  })

  test('D4: what retention no longer has is told as a gap, and the reader goes on from the oldest kept', async () => {
    const core = await coreOver(memoryStore({ retention: { events: 100 } }))
    await publishMany(core, 1)
    const first = await connect(core, { topics: ['t'] })
    const cursor = first.outlet.seen[0]?.payload.cursor
    await publishMany(core, 500, {}, 1)
    const { outlet } = await connect(core, { topics: ['t'], start: { kind: 'cursor', position: parseCursor(cursor)! } })
    await outlet.until(() => outlet.events().at(-1)?.data === 500)
    expect(outlet.seen[0]?.payload.resumed).toBe(false)
    expect(outlet.seen[1]).toMatchObject({ name: 'gap', payload: { reason: 'expired' } })
    const data = outlet.events().map((event) => event.data)
    expect(data.length).toBeGreaterThanOrEqual(100)
    expect(data).toEqual(Array.from({ length: data.length }, (_, index) => 501 - data.length + index))
    await core.close(0)
  })

  test('D4: a gap is told to a reader that began at the start, also where it was live before it read anything', async () => {
    const core = await coreOver(memoryStore({ retention: { events: 10 } }), { ringBytes: 1, pageEvents: 5 })
    const { outlet } = await connect(core, { topics: ['t'], start: { kind: 'start' } })
    await outlet.until(() => outlet.seen.length > 0)
    await new Promise((resolve) => setImmediate(resolve))
    outlet.open = false
    await publishMany(core, 1, { data: 'x'.repeat(60_000) })
    await publishMany(core, 1, { data: 'x'.repeat(60_000) })
    await publishMany(core, 100)
    outlet.drain()
    await outlet.until(() => outlet.events().at(-1)?.data === 99)
    expect(outlet.seen.filter(({ name }) => name === 'gap').map(({ payload }) => payload.reason)).toEqual(['expired'])
    await core.close(0)
  })

  test('E5, E6: a lagging reader is spared low events and all but the newest of a key; the rest comes whole', async () => {
    const core = await coreOver(memoryStore({ retention: { events: 10_000 } }), { ringBytes: 1 })
    const { outlet } = await connect(core, { topics: ['t'] }, new TestOutlet(256))
    outlet.open = false
    await publishMany(core, 10)
    await publishMany(core, 10, { priority: 'low' }, 100)
    await publishMany(core, 10, { metadata: { conflationKey: 'k' } }, 200)
    await publishMany(core, 1, {}, 300)
    outlet.drain()
    await outlet.until(() => outlet.events().at(-1)?.data === 300)
    const data = outlet.events().map((event) => event.data)
    expect(data).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 209, 300])
    expect(core.counters).toMatchObject({ leftOutLow: 10, conflated: 9 })
    await core.close(0)
  })

  test('D3, E1: an event for several topics of a reader comes once, naming those in published order and no other', async () => {
    const core = await coreOver()
    const { outlet } = await connect(core, { topics: ['a', 'b'] })
    await core.publish('default', [{ topics: ['b', 'secret', 'a'], type: 'n', data: 1 }], false)
    await core.publish('default', [{ topics: ['secret', 'a'], type: 'n', data: 2 }], false)
    await outlet.until(() => outlet.events().length === 2)
    expect(outlet.events()[0]).toMatchObject({ topic: 'b', topics: ['b', 'a'], data: 1 })
    expect(outlet.events()[1]).toMatchObject({ topic: 'a', data: 2 })
    expect(JSON.stringify(outlet.seen)).not.toContain('secret')
    await core.close(0)
  })

  test('E7: a volatile event reaches live readers only, without seq, and is not kept', async () => {
    const core = await coreOver()
    const { outlet } = await connect(core, { topics: ['t'] })
    const [result] = await core.publish('default', [{ topic: 't', type: 'typing', data: 1, volatile: true }], false)
    expect(result?.cursor).toBeNull()
    await outlet.until(() => outlet.events().length === 1)
    expect(outlet.events()[0].seq).toBeUndefined()
    const late = await connect(core, { topics: ['t'], start: { kind: 'start' } })
    expect(late.outlet.events()).toEqual([])
    await core.close(0)
  })

  test('D6: a reader that takes no byte for slowConsumerMs while bytes wait is closed, and can come back', async () => {
    const core = await coreOver(memoryStore(), { slowConsumerMs: 50, heartbeatMs: 20 })
    const { outlet } = await connect(core, { topics: ['t'] }, new TestOutlet(100))
    outlet.open = false
    await publishMany(core, 10)
    await outlet.until(() => outlet.ended)
    expect(outlet.seen.at(-1)).toMatchObject({ name: 'bye', payload: { reason: 'slow_consumer', reconnect: true } })
    expect(core.connections).toBe(0)
    await core.close(0)
  })

  test('H3: closing says bye to everybody, with a return spread over the window', async () => {
    const core = await coreOver(memoryStore(), { returnWindowMs: 1_000 })
    const readers = await Promise.all(Array.from({ length: 20 }, () => connect(core, { topics: ['t'] })))
    await core.close(0)
    const delays = readers.map(({ outlet }) => outlet.seen.at(-1)?.payload.retryAfterMs)
    expect(readers.every(({ outlet }) => outlet.seen.at(-1)?.payload.reason === 'shutdown')).toBe(true)
    expect(new Set(delays).size).toBeGreaterThan(5)
    expect(Math.max(...delays)).toBeLessThanOrEqual(1_000)
  })
})

describe('hub.subscribe (D9)', () => {
  test('D9: the same ordered sequence in process, from the start and on, and it ends with its signal', async () => {
    const core = await coreOver(memoryStore({ retention: { events: 5_000 } }))
    await publishMany(core, 1_000)
    const stop = new AbortController()
    const seen: unknown[] = []
    const reading = (async () => {
      for await (const event of core.subscribe('default', ['t'], { since: 'start', signal: stop.signal })) {
        seen.push(event.data)
        if (seen.length === 2_000) stop.abort()
      }
    })()
    await publishMany(core, 1_000, {}, 1_000)
    await reading
    expect(seen).toEqual(Array.from({ length: 2_000 }, (_, index) => index))
    await new Promise((resolve) => setImmediate(resolve))
    expect(core.connections).toBe(0)
    await core.close(0)
  })

  test('D9: one that cannot be opened lets go of the signal it was given', async () => {
    const core = await coreOver(memoryStore())
    await core.close(0)
    const { signal } = new AbortController()
    const events = core.subscribe('default', ['t'], { signal })
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    await expect(events.next()).rejects.toMatchObject({ code: 'draining' })
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })
})
