import { afterEach, describe, expect, test } from 'vitest'
import { TidingsError } from '#src/errors.js'
import type { HubCore } from '#src/hub/hub.js'
import type { GivenSettings } from '#src/hub/settings.js'
import { memoryStore } from '#src/store/memory.js'
import { type FakeClock, fakeClock } from '#src/testing/fake-clock.js'
import { seededRandom } from '#src/testing/seeded-random.js'
import { type AwayStore, awayStore } from './away-store.js'
import { connect, coreOver } from './core.js'

const opened: HubCore[] = []
afterEach(async () => {
  for (const core of opened.splice(0)) await core.close(0)
})

async function start(
  settings: GivenSettings = {},
  options: Parameters<typeof awayStore>[0] = {},
): Promise<{ core: HubCore; store: AwayStore; clock: FakeClock; errors: string[]; publish: Publish }> {
  const clock = fakeClock()
  const store = awayStore(options)
  const errors: string[] = []
  const onError = (error: unknown, stage: string): void => void errors.push(`${stage}: ${(error as Error).message}`)
  const core = await coreOver(store, settings, { clock, onError })
  opened.push(core)
  const publish: Publish = async (data, { namespace = 'default', ...more } = {}) => {
    const [result] = await core.publish(namespace, [{ topic: 't', type: 'n', data, ...more }], false)
    return result as { id: string; cursor: string | null; duplicate?: true }
  }
  return { core, store, clock, errors, publish }
}

type Publish = (
  data: unknown,
  more?: { namespace?: string; id?: string; volatile?: boolean },
) => Promise<{ id: string; cursor: string | null; duplicate?: true }>

/** The numbers that were stored, in the order of their places in the log. */
async function stored(store: AwayStore, namespace = 'default'): Promise<unknown[]> {
  const page = await store.read(namespace, { topics: ['t'], after: 'start', limit: 100_000, maxBytes: 1e9 })
  return page.events.map(({ body }) => JSON.parse(`{${body}}`).data)
}

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: unknown) => (error instanceof TidingsError ? error.code : String(error)),
  )

/** Whether it is pending after everything that is ready has happened. */
const isPending = async (work: Promise<unknown>, clock: FakeClock): Promise<boolean> => {
  let pending = true
  const settle = (): void => void (pending = false)
  work.then(settle, settle)
  await clock.advance(0)
  return pending
}

describe('the publish queue', () => {
  test('S5: what is published while the store is away waits, and is appended in order, once, when it is back', async () => {
    const { store, clock, publish } = await start()
    await publish(0)
    store.leave()
    const waiting = [1, 2, 3].map((data) => publish(data))
    expect(await isPending(Promise.race(waiting), clock)).toBe(true)
    await store.comeBack()
    const newer = publish(4)
    const cursors = (await Promise.all([...waiting, newer])).map(({ cursor }) => Number(cursor?.split('.')[1]))
    expect(cursors).toEqual([2, 3, 4, 5])
    expect(await stored(store)).toEqual([0, 1, 2, 3, 4])
  })

  test('D3, S5: appends whose answers were lost are sent again with the same ids and stored once, whether they had been or not', async () => {
    for (const appends of ['lost', 'unanswered'] as const) {
      const { core, store, clock, publish } = await start()
      store.appends = appends
      const work = [publish('a'), publish('b', { id: 'named' }), publish('c')]
      await clock.advance(0)
      store.leave()
      work.push(publish('d'))
      store.appends = 'answered'
      await store.comeBack()
      const results = await Promise.all(work)
      expect(await stored(store)).toEqual(['a', 'b', 'c', 'd'])
      const known = appends === 'unanswered' ? true : undefined
      // Only a name of the publisher's own can have been taken before.
      expect(results.map(({ duplicate }) => duplicate)).toEqual([undefined, known, undefined, undefined])
      expect(core.counters.published).toBe(appends === 'unanswered' ? 3 : 4)
      expect(store.asked.map(({ append }) => append.events[0]?.fresh)).toEqual(
        // First tries say that no store can know the id, repetitions do not.
        [true, false, true, false, false, false, true],
      )
    }
  })

  test('D1: what comes back from the store takes its place before what was called meanwhile', async () => {
    const { store, clock, publish } = await start()
    store.appends = 'lost'
    const before = Array.from({ length: 20 }, (_, index) => publish(index))
    await clock.advance(0)
    // Called while the rejections are on their way.
    store.availability?.watch((available) => {
      if (!available) before.push(publish(20), publish(21))
    })
    store.leave()
    before.push(publish(22))
    store.appends = 'answered'
    await store.comeBack()
    await Promise.all(before)
    expect(await stored(store)).toEqual(Array.from({ length: 23 }, (_, index) => index))
  })

  test('S5: a store that goes again while the queue empties gets each event once, in order', async () => {
    const { store, clock, publish } = await start()
    const random = seededRandom(7)
    const work: Promise<unknown>[] = []
    for (let round = 0; round < 60; round++) {
      const modes = ['answered', 'answered', 'lost', 'unanswered'] as const
      // A connection loses an end, never a middle: after the first lost answer there is none until it is cut.
      if (store.appends === 'answered') store.appends = modes[Math.floor(random.fraction() * modes.length)] ?? 'lost'
      for (let count = Math.floor(random.fraction() * 150); count > 0; count--) work.push(publish(work.length))
      await clock.advance(Math.floor(random.fraction() * 50))
      if (random.fraction() < 0.5) store.leave()
      for (let count = Math.floor(random.fraction() * 20); count > 0; count--) work.push(publish(work.length))
      if (store.availability?.available || random.fraction() < 0.3) continue
      store.appends = 'answered'
      await store.comeBack()
    }
    store.leave()
    store.appends = 'answered'
    await store.comeBack()
    await clock.advance(0)
    await Promise.all(work)
    expect(await stored(store)).toEqual(work.map((_, index) => index))
  })

  test('S5: namespaces do not wait for each other', async () => {
    const { store, clock, publish } = await start()
    store.appends = 'lost'
    const stuck = publish('stuck', { namespace: 'a' })
    await clock.advance(0)
    store.leave()
    store.appends = 'answered'
    await store.comeBack()
    await stuck
    const refusal = new TidingsError('indeterminate', 'no answer')
    store.failing = refusal
    const failed = publish('fails first', { namespace: 'a' })
    await clock.advance(0)
    store.failing = null
    const other = publish('other', { namespace: 'b' })
    expect(await isPending(other, clock)).toBe(false)
    expect(await isPending(failed, clock)).toBe(true)
    await clock.advance(100)
    await failed
    expect(await stored(store, 'a')).toEqual(['stuck', 'fails first'])
  })

  test('S5: a full queue refuses by events and by bytes with when to come back, and queues nothing of a batch', async () => {
    const { core, store, publish } = await start({ publishQueue: { events: 5, bytes: 10_000 } })
    store.leave()
    const waiting = [1, 2, 3, 4].map((data) => publish(data))
    const batch = core.publish(
      'default',
      [5, 6].map((data) => ({ topic: 't', type: 'n', data })),
      true,
    )
    const refusal = await batch.catch((error: unknown) => error)
    expect(refusal).toMatchObject({ code: 'store_unavailable', status: 503, retryAfterMs: expect.any(Number) })
    expect(await codeOf(publish('x'.repeat(9_000)))).toBe('store_unavailable')
    waiting.push(publish(5))
    expect(await codeOf(publish(6, { namespace: 'another' }))).toBe('store_unavailable')
    expect(core.gauges).toMatchObject({ queuedEvents: 5, queueRefused: 3, storeTimesAway: 1 })
    await store.comeBack()
    await Promise.all(waiting)
    expect(await stored(store)).toEqual([1, 2, 3, 4, 5])
    expect(core.gauges).toMatchObject({ queuedEvents: 0, queuedBytes: 0, storeAwayMs: 0 })
  })

  test('S5: what hangs in a store that says it is there is bounded too', async () => {
    const { store, clock, publish } = await start({ publishQueue: { events: 3 } })
    store.appends = 'lost'
    const work = [1, 2, 3, 4].map((data) => publish(data))
    await clock.advance(1_500)
    expect(await codeOf(publish(5))).toBe('store_unavailable')
    store.leave()
    // Three have room; of the fourth nobody can say whether it was stored.
    expect(await codeOf(work[3] as Promise<unknown>)).toBe('indeterminate')
    store.appends = 'answered'
    await store.comeBack()
    await Promise.all(work.slice(0, 3))
    expect(await stored(store)).toEqual([1, 2, 3])
  })

  test('D3: what is sent again says for how long its fate was unknown; forgotten by the store, it is indeterminate', async () => {
    const { store, clock, publish } = await start()
    store.appends = 'unanswered'
    const work = codeOf(publish(1))
    await clock.advance(0)
    store.leave()
    const never = publish(2)
    await clock.advance(20_000)
    store.appends = 'answered'
    const { append } = store
    Object.assign(store, {
      append: async (...given: Parameters<typeof append>) =>
        given[1].triedMs === undefined ? await append(...given) : { outcome: 'forgotten', was: given[1].triedMs },
    })
    await store.comeBack()
    expect(await work).toBe('indeterminate')
    await never
    expect(await stored(store)).toEqual([1, 2])
  })

  test('I7, S5: a namespace with much under way does not make the others fail', async () => {
    const { store, clock, publish } = await start({ publishQueue: { events: 10 } })
    store.appends = 'lost'
    const work = Array.from({ length: 10 }, (_, index) => publish(index, { namespace: 'busy' }))
    await clock.advance(1_500)
    expect(await codeOf(publish('more', { namespace: 'busy' }))).toBe('store_unavailable')
    for (let number = 0; number < 5; number++) work.push(publish(number, { namespace: 'quiet' }))
    expect(await isPending(Promise.race(work.slice(10)), clock)).toBe(true)
    // But not without end: each has its share, and all together twice the limit.
    expect(await codeOf(publish('more', { namespace: 'quiet' }))).toBe('store_unavailable')
    for (let number = 0; number < 10; number++) {
      const one = publish(number, { namespace: `n${number}` })
      if (number < 5) work.push(one)
      else expect(await codeOf(one)).toBe('store_unavailable')
    }
    const settled = Promise.allSettled(work)
    store.leave()
    store.appends = 'answered'
    await store.comeBack()
    await settled
  })

  test('E7: what is volatile in a batch whose append meets the outage is delivered at once, and not where the batch is refused', async () => {
    const { core, store, clock } = await start({ publishQueue: { events: 2 } })
    const { outlet } = await connect(core, { topics: ['t'] })
    await clock.advance(0)
    const batch = (data: number) =>
      core.publish(
        'default',
        [
          { topic: 't', type: 'n', data },
          { topic: 't', type: 'v', data, volatile: true },
        ],
        true,
      )
    const volatile = () => outlet.events().flatMap(({ type, data }) => (type === 'v' ? [data] : []))
    store.appends = 'lost'
    const first = batch(1)
    await clock.advance(0)
    expect(volatile()).toEqual([])
    store.leave()
    await clock.advance(0)
    expect(volatile()).toEqual([1])
    const second = batch(2)
    await clock.advance(0)
    expect(volatile()).toEqual([1, 2])
    expect(await codeOf(batch(3))).toBe('store_unavailable')
    store.appends = 'answered'
    await store.comeBack()
    await Promise.all([first, second])
    await clock.advance(0)
    expect(volatile()).toEqual([1, 2])
  })

  test('D3: a publish whose fate stays unknown is given up before the store may forget its id', async () => {
    const { core, store, clock, publish } = await start()
    store.appends = 'unanswered'
    const unknown = publish('unknown')
    await clock.advance(0)
    store.leave()
    const known = publish('never sent')
    await clock.advance(269_000)
    expect(await isPending(unknown, clock)).toBe(true)
    await clock.advance(2_000)
    expect(await codeOf(unknown)).toBe('indeterminate')
    // Of this one it is certain that it was not stored: it waits on.
    await clock.advance(600_000)
    expect(await isPending(known, clock)).toBe(true)
    store.appends = 'answered'
    await store.comeBack()
    await known
    expect(await stored(store)).toEqual(['unknown', 'never sent'])
    expect(core.gauges.queuedEvents).toBe(0)
  })

  test('S5: a store that is there and does not take it (read-only, out of memory) is an answer, after one more try', async () => {
    const { store, clock, publish } = await start()
    store.failing = new TidingsError('store_unavailable', 'read-only')
    const refused = codeOf(publish(1))
    await clock.advance(1_000)
    expect(await refused).toBe('store_unavailable')
    store.failing = new TidingsError('quota', 'full')
    expect(await codeOf(publish(2))).toBe('quota')
    store.failing = null
    await publish(3)
    expect(await stored(store)).toEqual([3])
  })

  test('D1: what is refused from the queue does not hold up what follows', async () => {
    const { store, publish } = await start()
    await publish('first', { id: 'x' })
    store.leave()
    const reused = codeOf(publish('other content', { id: 'x' }))
    const after = publish('after')
    await store.comeBack()
    expect(await reused).toBe('id_reused')
    await after
    expect(await stored(store)).toEqual(['first', 'after'])
  })

  test('S5: a store in this process has no queue: its failures are the caller’s', async () => {
    const real = memoryStore()
    const failing = { ...real, append: () => Promise.reject(new TidingsError('store_unavailable', 'disk full')) }
    const core = await coreOver(failing)
    opened.push(core)
    expect(await codeOf(core.publish('default', [{ topic: 't', type: 'n' }], false))).toBe('store_unavailable')
  })

  test('H3: closing gives what waits a bounded chance, then refuses it', async () => {
    const { core, store, clock, publish } = await start()
    store.appends = 'unanswered'
    const unknown = codeOf(publish(1))
    await clock.advance(0)
    store.leave()
    const waiting = codeOf(publish(2))
    const closing = core.close(5_000)
    await clock.advance(4_900)
    expect(await isPending(closing, clock)).toBe(true)
    await clock.advance(200)
    await closing
    expect(await Promise.all([unknown, waiting])).toEqual(['indeterminate', 'draining'])
    expect(await codeOf(publish(3))).toBe('closed')
  })

  test('H3: closing ends as soon as the queue is empty', async () => {
    const { core, store, clock, publish } = await start()
    store.leave()
    const waiting = publish(1)
    const closing = core.close(5_000)
    await clock.advance(1_000)
    await store.comeBack()
    await clock.advance(0)
    await closing
    expect((await waiting).cursor).toMatch(/\.1$/)
  })

  test('S5: that the store is away is told once a change, not by everybody who finds out', async () => {
    const { core, store, clock, errors } = await start()
    store.leave('the cable')
    core.onError(new TidingsError('store_unavailable', 'a sweep'), 'jobs')
    core.onError(new TidingsError('internal', 'something else'), 'jobs')
    await store.comeBack()
    await clock.advance(0)
    store.leave('again')
    expect(errors).toEqual([
      'store: The store is away: the cable.',
      'jobs: something else',
      'store: The store is away: again.',
    ])
  })
})
