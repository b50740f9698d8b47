import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import { uuidv7Ids } from '#src/ids.js'
import { createHub } from '#src/index.js'
import { createJobs } from '#src/jobs/jobs.js'
import { earn, freshThrottle, spend, waitMs } from '#src/jobs/throttle.js'
import type { JobCommand } from '#src/protocol/job.js'
import { seededRandom } from '#src/testing/index.js'
import { bench, eventsAfter, jobsOf, namespace } from './engine-fixture.js'

const given = { id: 'j1', owner: 'user:7', kind: 'crawl' }
const step = (id: string, by = 1): JobCommand => ({ id, action: 'update', increment: { processed: by } })
const progressOf = async (store: Parameters<typeof eventsAfter>[0]) =>
  (await eventsAfter(store, 'job:j1')).filter(({ type }) => type === 'job.progress')

describe('how often progress leaves', () => {
  test('J5: a job of five steps sends each step in the tick of its command', async () => {
    const { store, engine, clock } = bench()
    const jobs = engine()
    await jobs.create(namespace, { ...given, total: 5 })
    for (let done = 1; done <= 5; done++) {
      const at = clock.now()
      await jobs.command(namespace, 'j1', step(`${done}`))
      const events = await progressOf(store)
      expect(events).toHaveLength(done)
      expect(events.at(-1)).toMatchObject({ timestamp: at, data: { percent: done * 20 } })
      await clock.advance(1)
    }
    await jobs.close()
    expect(clock.pending).toBe(0)
  })

  test('J5: of a million steps at most ten leave a second, each number was true, and the end leaves in its tick', async () => {
    const { store, engine, clock } = bench()
    const jobs = engine()
    await jobs.create(namespace, { ...given, total: 1_000_000 })
    const truths = new Set<number>()
    let sum = 0
    for (let tick = 0; tick < 200; tick++) {
      // In one go, as a loop that awaits nothing: the states in between never were in the store.
      const burst = Array.from({ length: 50 }, (_, nth) => jobs.command(namespace, 'j1', step(`${tick}/${nth}`, 100)))
      await Promise.all(burst)
      for (let nth = 0; nth < 50; nth++) truths.add((sum += 100))
      await clock.advance(17)
    }
    const endedAt = clock.now()
    await jobs.command(namespace, 'j1', { id: 'end', action: 'complete' })
    const end = (await eventsAfter(store, 'job:j1')).at(-1)
    expect(end).toMatchObject({
      type: 'job.completed',
      timestamp: endedAt,
      data: { counters: { processed: 1_000_000 }, percent: 100 },
    })
    const events = await progressOf(store)
    expect(events.length).toBeGreaterThan(15)
    for (const { timestamp } of events) {
      const second = events.filter((other) => other.timestamp >= timestamp && other.timestamp < timestamp + 1_000)
      expect(second.length).toBeLessThanOrEqual(10)
    }
    for (const { counters } of jobsOf(events)) expect(truths).toContain(counters.processed)
    expect(jobs.stats()).toMatchObject({ updates: 10_000, progressEvents: events.length })
    await jobs.close()
  })

  test('J5: a busy job that falls quiet has its last step told, and each step again at once after a pause', async () => {
    const { store, engine, clock } = bench()
    const jobs = engine()
    await jobs.create(namespace, given)
    await Promise.all(Array.from({ length: 100 }, (_, nth) => jobs.command(namespace, 'j1', step(`${nth}`))))
    await clock.advance(200)
    expect((await progressOf(store)).at(-1)).toMatchObject({ data: { counters: { processed: 100 } } })
    await clock.advance(5_000)
    const before = (await progressOf(store)).length
    for (let nth = 0; nth < 5; nth++) await jobs.command(namespace, 'j1', step(`again${nth}`))
    expect(await progressOf(store)).toHaveLength(before + 5)
    await jobs.close()
  })

  test('J5: one busy job does not slow another down', async () => {
    const { store, engine } = bench()
    const jobs = engine()
    await jobs.create(namespace, { ...given, id: 'busy' })
    await jobs.create(namespace, given)
    await Promise.all(Array.from({ length: 100 }, (_, nth) => jobs.command(namespace, 'busy', step(`${nth}`))))
    await jobs.command(namespace, 'j1', step('1'))
    expect(await progressOf(store)).toHaveLength(1)
    await jobs.close()
  })

  test('J5: the rate can be set, for a job and for all that ask for none', async () => {
    const make = bench()
    const random = seededRandom(5)
    const parts = { store: make.store, clock: make.clock, random, makeId: uuidv7Ids(make.clock, random) }
    const jobs = createJobs({ ...parts, onError: (error) => make.errors.push(error), eventsPerSecond: 100 })
    const told = async (id: string): Promise<number> => {
      await Promise.all(Array.from({ length: 200 }, (_, nth) => jobs.command(namespace, id, step(`${nth}`))))
      return (await eventsAfter(make.store, `job:${id}`)).filter(({ type }) => type === 'job.progress').length
    }
    await jobs.create(namespace, { ...given, id: 'default' })
    await jobs.create(namespace, { ...given, id: 'slow', eventsPerSecond: 1 })
    expect(await told('default')).toBe(50)
    expect(await told('slow')).toBe(1)
    await jobs.command(namespace, 'slow', { id: 'e', action: 'cancel' })
    await jobs.retry(namespace, 'slow', { id: 'slow-again' })
    expect(await told('slow-again')).toBe(1)
    await jobs.close()
    for (const eventsPerSecond of [0, 101, 1.5, Number.NaN]) {
      expect(() => createJobs({ ...parts, onError: () => {}, eventsPerSecond })).toThrow(/"eventsPerSecond"/)
    }
  })

  test('J5: at any rate and rhythm no second sees more than the rate, and what waits may leave soon', () => {
    const rhythm = fc.array(fc.oneof(fc.constant(0), fc.nat(30), fc.nat(1_500)), { minLength: 1, maxLength: 200 })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), rhythm, (rate, pauses) => {
        let now = 1_800_000_000_000
        let throttle = freshThrottle(rate, now)
        const left: number[] = []
        for (const pause of pauses) {
          now += pause
          const earned = earn(throttle, now)
          const spent = spend(earned, 1)
          if (spent) left.push(now)
          else expect(spend(earn(earned, now + waitMs(earned, 1)), 1)).not.toBeNull()
          expect(waitMs(earned, 1)).toBeLessThanOrEqual(1_000)
          throttle = spent ?? earned
        }
        for (const from of left)
          expect(left.filter((at) => at >= from && at < from + 1_000).length).toBeLessThanOrEqual(rate)
      }),
    )
  })
})

describe('what a hub says and takes', () => {
  test('J5, H10: the rate is an option of the hub, and how much was merged shows in its figures', async () => {
    const hub = await createHub({ development: true, jobEventsPerSecond: 2 })
    const { job } = await hub.jobs.create({ owner: 'user:7', kind: 'crawl' })
    for (let nth = 0; nth < 40; nth++) await job.increment({ processed: 1 })
    expect(hub.stats().jobs).toMatchObject({ updates: 40, conflicts: 0 })
    expect(hub.stats().jobs.progressEvents).toBeLessThanOrEqual(3)
    await hub.close({ drainMs: 0 })
    await expect(createHub({ development: true, jobEventsPerSecond: 101 })).rejects.toMatchObject({
      code: 'option_invalid',
      field: 'jobEventsPerSecond',
    })
  })
})
