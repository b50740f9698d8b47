import { describe, expect, test } from 'vitest'
import type { HubOptions } from '#src/index.js'
import { fakeClock } from '#src/testing/fake-clock.js'
import { type AwayStore, awayStore } from '../hub/away-store.js'
import { type Answer, root, startHub } from './server.js'

const note = (data: unknown, more: object = {}) => ({ topic: 'news', type: 'note', data, ...more })
const owner = { userId: '7' }

async function start(options: Partial<HubOptions> = {}, from: Parameters<typeof awayStore>[0] = {}) {
  const store: AwayStore = awayStore(from)
  const hub = await startHub({ store, publishQueue: { answerMs: 250 }, ...options })
  return { store, hub }
}

/** A refusal for a time, which says when to come back. */
function expectRefusal(answer: Answer): void {
  expect([answer.status, answer.body]).toEqual([503, expect.objectContaining({ code: 'store_unavailable' })])
  expect(Number(answer.headers.get('Retry-After'))).toBeGreaterThanOrEqual(1)
}

describe('publishing while the store is away', () => {
  test('[P9.12, P9.13] 202 for what waits; when the store is back it is stored in order, once', async () => {
    const { store, hub } = await start()
    store.leave()
    const one = await hub.publish(note(1, { id: 'mine' }))
    expect([one.status, one.body]).toEqual([202, { id: 'mine', queued: true }])
    const several = await hub.call('/events', { body: [note(2), note('typing', { volatile: true }), note(3)] })
    const id = expect.stringMatching(/^[0-9a-f-]{36}$/)
    expect([several.status, several.body]).toEqual([
      202,
      [
        { id, queued: true },
        { id, cursor: null },
        { id, queued: true },
      ],
    ])
    // Whoever must be sure sends it again: it waits behind the first, and finds it stored.
    const again = hub.publish(note(1, { id: 'mine' }))
    await store.comeBack()
    expect((await again).status).toBe(200)
    expect((await hub.publish(note(4))).status).toBe(201)
    const { events } = (await hub.poll('topic=news&since=start')).body
    expect(events.map(({ data }) => data)).toEqual([1, 2, 3, 4])
  })

  test('[P9.12] the answer comes after 2 s unless the hub is set otherwise', async () => {
    const { store, hub } = await start({ publishQueue: {} })
    store.leave()
    const began = performance.now()
    expect((await hub.publish(note(1))).status).toBe(202)
    expect(performance.now() - began).toBeGreaterThan(1_900)
    expect(performance.now() - began).toBeLessThan(20_000)
  })

  test('[P9.14] a full queue: 503 with when to come back, and nothing of it is queued', async () => {
    const { store, hub } = await start({ publishQueue: { events: 3, answerMs: 250 } })
    store.leave()
    for (const data of [1, 2]) await hub.publish(note(data))
    expectRefusal(await hub.call('/events', { body: [note(3), note(4)] }))
    expect((await hub.publish(note(3))).status).toBe(202)
    expectRefusal(await hub.call('/events', { body: note(4) }))
    expect(hub.hub.stats()).toMatchObject({ queuedEvents: 3, queueRefused: 2, storeTimesAway: 1 })
    await store.comeBack()
    await hub.publish(note(5))
    const { events } = (await hub.poll('topic=news&since=start')).body
    expect(events.map(({ data }) => data)).toEqual([1, 2, 3, 5])
  })

  test('S5: what was answered 202 and is lost after all is told, in one line', async () => {
    const { store, hub } = await start()
    store.leave('a test')
    for (const data of [1, 2, 3]) await hub.publish(note(data))
    await hub.hub.close({ drainMs: 0 })
    expect(hub.errors.map((error) => (error as Error).message)).toEqual([
      'The store is away: a test.',
      '3 publishes answered with 202 could not be stored.',
    ])
  })
})

describe('reading while the store is away', () => {
  test('[P5.18] streams stay open and are told that they are degraded, and that they are no more', async () => {
    const { store, hub } = await start()
    await hub.publish(note(1))
    const reader = await hub.stream({ topics: ['news'] })
    const hello = await reader.control('hello')
    expect(hello).toMatchObject({ degraded: false })
    store.leave()
    const { cursor } = hello
    expect(await reader.control('ping')).toEqual({ cursor, degraded: true })
    const waiting = hub.hub.publish(note(2))
    await store.comeBack()
    await waiting
    expect(await reader.control('ping')).toEqual({ cursor, degraded: false })
    expect(await reader.next()).toMatchObject({ data: 2 })
  })

  test('[P5.19, P5.20] new streams are taken at once: at their cursor, or without one where only the store could tell it', async () => {
    const { store, hub } = await start()
    const first = await hub.publish(note(1))
    await hub.publish(note(2))
    store.leave()
    const began = performance.now()
    const at = await hub.stream({ topics: ['news'], since: first.body.cursor })
    expect(await at.control('hello')).toMatchObject({
      cursor: first.body.cursor,
      degraded: true,
      resumed: false,
    })
    expect(at.lastEventId).toBe(first.body.cursor)
    await at.close()

    const now = await hub.stream({ topics: ['news'] })
    const hello = await now.control('hello')
    expect(performance.now() - began).toBeLessThan(10_000)
    expect(hello).toMatchObject({ degraded: true })
    expect(hello).not.toHaveProperty('cursor')
    expect(now.lastEventId).toBe('')
    const again = await hub.stream({ topics: ['news'], lastEventId: first.body.cursor })
    await again.control('hello')
    expect((await hub.publish(note(3))).status).toBe(202)
    await store.comeBack()
    expect(await now.next()).toMatchObject({ data: 3 })
    expect(now.lastEventId).not.toBe('')
    expect([await again.next(), await again.next()]).toMatchObject([{ data: 2 }, { data: 3 }])
  })

  test('[P5.21] a right that only the store could judge is 503, not 403', async () => {
    const { store, hub } = await start()
    const { job } = (await hub.call<{ job: { id: string } }>('/jobs', { body: { owner: 'user:7', kind: 'crawl' } }))
      .body
    const mine = { as: owner, accept: 'text/event-stream, application/problem+json' }
    store.leave()
    expectRefusal(await hub.call(`/events?topic=job:${job.id}`, mine))
    // What needs no look is judged as ever.
    expect((await hub.call('/events?topic=news', mine)).status).toBe(403)
    await store.comeBack()
    const reader = await hub.stream({ topics: [`job:${job.id}`], as: owner })
    expect(await reader.control('hello')).toMatchObject({ degraded: false })
  })

  test('[P8.7] polls are refused, and one that is held is answered at once', async () => {
    const { store, hub } = await start()
    const { cursor } = (await hub.publish(note(1))).body
    const held = hub.poll(`topic=news&since=${cursor}&wait=30`)
    while (hub.hub.stats().connections === 0) await new Promise((resolve) => setImmediate(resolve))
    store.leave()
    expectRefusal((await held) as never)
    expectRefusal((await hub.poll(`topic=news&since=${cursor}&wait=30`)) as never)
    await store.comeBack()
    expect((await hub.poll('topic=news&since=start')).body.events).toHaveLength(1)
  })

  test('[P7.11] volatile events reach the readers of the node', async () => {
    const { store, hub } = await start()
    const reader = await hub.stream({ topics: ['news'] })
    await reader.control('hello')
    await hub.publish(note(1))
    await reader.next()
    store.leave()
    const answer = await hub.publish(note('typing', { volatile: true }))
    expect([answer.status, answer.body.cursor]).toEqual([201, null])
    expect(await reader.next()).toMatchObject({ data: 'typing', volatile: true })
  })
})

describe('jobs while the store is away', () => {
  test('[P10.19] every request about a job is refused at once', async () => {
    const { store, hub } = await start()
    const { job } = (await hub.call<{ job: { id: string } }>('/jobs', { body: { owner: 'user:7', kind: 'crawl' } }))
      .body
    store.leave()
    const began = performance.now()
    const path = `/jobs/${job.id}`
    expectRefusal(await hub.call('/jobs', { body: { owner: 'user:7', kind: 'crawl' } }))
    expectRefusal(await hub.call('/jobs?owner=user:7'))
    expectRefusal(await hub.call(path, { as: owner }))
    expectRefusal(await hub.call(path, { method: 'PATCH', body: { increment: { processed: 1 } } }))
    expectRefusal(await hub.call(`${path}/start`, { body: {} }))
    expectRefusal(await hub.call(`${path}/cancel`, { body: {}, as: owner }))
    expectRefusal(await hub.call(path, { method: 'DELETE' }))
    expect(performance.now() - began).toBeLessThan(10_000)
    await store.comeBack()
    expect((await hub.call(path)).body).toMatchObject({ status: 'queued' })
  })
})

describe('a hub and its store', () => {
  test('[P11.2, P11.4] /health says degraded and why; /ready says no once the store has been away for long', async () => {
    const clock = fakeClock()
    const { store, hub } = await start({ notReadyAfterMs: 100, clock })
    expect((await hub.call('/health', { as: null })).body).toEqual({
      status: 'ok',
      reasons: [],
      parts: { store: 'ok', queue: 'ok', eventLoop: 'ok', errors: 'ok', readers: 'ok' },
      errorsPerMinute: 0,
      store: { kind: 'away', available: true },
    })
    expect((await hub.call('/ready', { as: null })).body).toEqual({ ready: true })
    store.leave('redis://user:secret@10.0.0.1')
    expect((await hub.call('/ready', { as: null })).status).toBe(200)
    await clock.advance(120)
    const health = await hub.call('/health', { as: null })
    expect([health.status, health.body]).toEqual([
      200,
      {
        status: 'degraded',
        reason: 'The store has been away for 0 s.',
        reasons: ['The store has been away for 0 s.'],
        parts: { store: 'degraded', queue: 'ok', eventLoop: 'ok', errors: 'ok', readers: 'ok' },
        errorsPerMinute: expect.any(Number),
        store: { kind: 'away', available: false, awayMs: expect.any(Number) },
      },
    ])
    const ready = await hub.call('/ready', { as: null })
    expect([ready.status, ready.body]).toEqual([503, { ready: false, reason: 'store' }])
    await store.comeBack()
    expect((await hub.call('/ready', { as: null })).status).toBe(200)
    expect((await hub.call('/health', { as: null })).body).toMatchObject({ status: 'ok' })
  })

  test('[P11.4] fault 12: a hub starts without its store, is not ready, and works when it comes', async () => {
    const { store, hub } = await start({}, { away: true })
    expect((await hub.call('/ready', { as: null })).body).toEqual({ ready: false, reason: 'store' })
    expect((await hub.call('/health', { as: null })).body).toMatchObject({
      status: 'degraded',
      reason: expect.stringMatching(/not been reached/),
    })
    // The hub's own key is in the store: nothing can be said of a token yet.
    const token = {
      as: null,
      headers: { authorization: `Bearer ${'a'.repeat(20)}.${'b'.repeat(20)}.${'c'.repeat(20)}` },
    }
    expectRefusal(await hub.call('/jobs/1', token))
    expect((await hub.publish(note(1))).status).toBe(202)
    await store.comeBack()
    expect((await hub.call('/jobs/1', token)).status).toBe(401)
    const { body } = await hub.call<{ job: { id: string }; token: string }>('/jobs', {
      body: { owner: 'user:7', kind: 'crawl' },
    })
    const mine = { as: null, headers: { authorization: `Bearer ${body.token}` } }
    expect((await hub.call(`/jobs/${body.job.id}`, mine)).status).toBe(200)
    expect((await hub.poll('topic=news&since=start', { as: root })).body.events).toHaveLength(1)
  })
})
