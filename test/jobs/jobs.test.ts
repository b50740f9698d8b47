import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import { TidingsError } from '#src/errors.js'
import type { JobsEngine } from '#src/jobs/jobs.js'
import type { JobAnswer, JobCommand } from '#src/protocol/job.js'
import { isTerminalType } from '#src/protocol/job.js'
import { memoryStore } from '#src/store/memory.js'
import { fakeClock } from '#src/testing/index.js'
import { bench, eventsAfter, jobsOf, namespace } from './engine-fixture.js'

const crawl = { id: 'j1', owner: 'user:7', kind: 'crawl' }
const one = (id: string): JobCommand => ({ id, action: 'update', increment: { processed: 1 } })
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'none',
    (error: unknown) => (error instanceof TidingsError ? error.code : String(error)),
  )

describe('creating', () => {
  test('J1: a job is created under its topic and its owner’s, with a cursor to stream from', async () => {
    const { store, engine } = bench()
    const { job, created } = await engine().create(namespace, { ...crawl, total: 10, meta: { url: '/' } })
    expect(created).toBe(true)
    expect(job).toMatchObject({
      id: 'j1',
      status: 'queued',
      total: 10,
      percent: 0,
      version: 1,
      attempt: 1,
      attempts: 1,
      meta: { url: '/' },
    })
    for (const topic of ['job:j1', 'jobs:7']) {
      expect(await eventsAfter(store, topic)).toMatchObject([{ type: 'job.created', data: { id: 'j1' } }])
      expect(await eventsAfter(store, topic, job.cursor)).toEqual([])
    }
  })

  test('D3: a creation sent again gets the first job; with other content it is id_reused', async () => {
    const { store, engine } = bench()
    await engine().create(namespace, crawl)
    const again = await engine().create(namespace, crawl)
    expect(again).toMatchObject({ created: false, job: { id: 'j1' } })
    expect(await codeOf(engine().create(namespace, { ...crawl, kind: 'other' }))).toBe('id_reused')
    const both = await Promise.all([engine(), engine()].map((each) => each.create(namespace, { ...crawl, id: 'j2' })))
    expect(both.map(({ created }) => created).sort()).toEqual([false, true])
    expect(await eventsAfter(store, 'job:j2')).toHaveLength(1)
  })

  test('D3, J8: the id of a job that was taken away is no new job’s until it is forgotten, and the refusal says so', async () => {
    const { engine, clock } = bench()
    const jobs = engine()
    await jobs.create(namespace, crawl)
    await jobs.remove(namespace, 'j1')
    const refused = jobs.create(namespace, crawl)
    await expect(refused).rejects.toMatchObject({ code: 'id_reused', field: 'id' })
    await expect(refused).rejects.toThrow(/was created under this id.*gone/)
    await clock.advance(301_000)
    expect(await jobs.create(namespace, crawl)).toMatchObject({ created: true })
  })

  test('a job of another namespace, or that never was, is not found', async () => {
    const { engine } = bench()
    const jobs = engine()
    await jobs.create('other', crawl)
    expect(await jobs.snapshot(namespace, 'j1')).toBeNull()
    for (const id of ['j1', 'j9', 'a b', ''])
      expect(await codeOf(jobs.command(namespace, id, one('1')))).toBe('not_found')
  })
})

describe('counting', () => {
  test('J2: increments of many processes, each sent twice, give the exact sum', async () => {
    const { engine, clock } = bench()
    const engines = Array.from({ length: 12 }, engine)
    await engines[0]?.create(namespace, { ...crawl, total: 600 })
    const answers = engines.flatMap((each, at) =>
      Array.from({ length: 50 }, (_, nth) =>
        [each, engines[(at + 1) % 12] ?? each].map((via) => via.command(namespace, 'j1', one(`${at}/${nth}`))),
      ).flat(),
    )
    const settled = Promise.all(answers)
    for (let passed = 0; passed < 60_000; passed += 50) await clock.advance(50)
    expect((await settled).every(({ accepted }) => accepted)).toBe(true)
    expect(await engines[3]?.snapshot(namespace, 'j1')).toMatchObject({
      counters: { processed: 600 },
      percent: 100,
      status: 'running',
    })
  })

  test('J2: what one process sends in one go leaves as one append', async () => {
    const { engine, clock } = bench()
    const store = memoryStore({ clock: fakeClock() })
    let appends = 0
    const counted = {
      ...store,
      append: (...given: Parameters<typeof store.append>) => (appends++, store.append(...given)),
    }
    const jobs = bench(counted, clock).engine()
    await jobs.create(namespace, crawl)
    appends = 0
    await Promise.all(Array.from({ length: 300 }, (_, nth) => jobs.command(namespace, 'j1', one(String(nth)))))
    expect(appends).toBe(1)
    expect(await jobs.snapshot(namespace, 'j1')).toMatchObject({ counters: { processed: 300 } })
    void engine
  })

  test('J5: what is withheld at a clean close leaves with it, and nothing is reported', async () => {
    const { store, engine, errors } = bench()
    const jobs = engine()
    await jobs.create(namespace, { ...crawl, id: 'p' })
    await jobs.create(namespace, { ...crawl, parent: 'p', total: 100 })
    for (let nth = 0; nth < 30; nth++) await jobs.command(namespace, 'j1', one(String(nth)))
    const { cursor } = (await jobs.snapshot(namespace, 'j1')) as { cursor: string }
    const last = jobs.command(namespace, 'j1', one('under way'))
    await jobs.close()
    await last
    for (const id of ['j1', 'p']) {
      const after = await eventsAfter(store, `job:${id}`, cursor)
      expect(after).toMatchObject([{ type: 'job.progress', data: { counters: { processed: 31 } } }])
    }
    expect(errors).toEqual([])
  })

  test('J5: a timer that comes due while the hub closes is no failure', async () => {
    const make = bench()
    let release = (): void => {}
    let held: Promise<void> = Promise.resolve()
    const append: typeof make.store.append = async (...given) => {
      await held
      return await make.store.append(...given)
    }
    const { engine, errors } = bench({ ...make.store, append }, make.clock)
    const jobs = engine()
    await jobs.create(namespace, { ...crawl, total: 100 })
    for (let nth = 0; nth < 30; nth++) await jobs.command(namespace, 'j1', one(String(nth)))
    held = new Promise((resolve) => {
      release = resolve
    })
    const last = jobs.command(namespace, 'j1', one('under way'))
    await make.clock.advance(1)
    const closing = jobs.close()
    await make.clock.advance(5_000)
    release()
    await Promise.all([closing, last])
    expect(errors).toEqual([])
  })

  test('J2: one append carries no more than a megabyte or so of what commands bring', async () => {
    const real = bench()
    const sizes: number[] = []
    const append: typeof real.store.append = (where, given) => {
      sizes.push(given.events.reduce((sum, { body }) => sum + body.length, 0))
      return real.store.append(where, given)
    }
    const jobs = bench({ ...real.store, append }, real.clock).engine()
    await jobs.create(namespace, crawl)
    sizes.length = 0
    const answers = Array.from({ length: 40 }, (_, nth) =>
      jobs.command(namespace, 'j1', {
        id: String(nth),
        action: 'update',
        publish: Array.from({ length: 5 }, () => ({ type: 'page', data: 'x'.repeat(60_000) })),
      }),
    )
    expect((await Promise.all(answers)).every(({ accepted }) => accepted)).toBe(true)
    expect(Math.max(...sizes)).toBeLessThan(1_400_000)
    expect(sizes.length).toBeLessThan(20)
    await jobs.close()
  })

  test('D3: a command sent again after its job has ended gets its first answer and changes nothing', async () => {
    const { store, engine } = bench()
    const [first, second] = [engine(), engine()] as const
    await first.create(namespace, crawl)
    await first.command(namespace, 'j1', one('a'))
    await first.command(namespace, 'j1', { id: 'end', action: 'complete', result: 1 })
    const before = await eventsAfter(store, 'job:j1')
    for (const jobs of [first, second]) {
      expect(await jobs.command(namespace, 'j1', one('a'))).toMatchObject({
        accepted: true,
        job: { status: 'completed', counters: { processed: 1 } },
      })
      expect(await jobs.command(namespace, 'j1', { id: 'end', action: 'complete', result: 1 })).toMatchObject({
        accepted: true,
      })
      expect(await jobs.command(namespace, 'j1', { id: 'late', action: 'complete' })).toMatchObject({
        accepted: false,
        reason: 'ended',
      })
      expect(await jobs.command(namespace, 'j1', { id: 'late', action: 'complete' })).toMatchObject({
        accepted: false,
        reason: 'ended',
      })
      expect(
        await codeOf(jobs.command(namespace, 'j1', { id: 'a', action: 'update', increment: { processed: 2 } })),
      ).toBe('id_reused')
    }
    expect(await eventsAfter(store, 'job:j1')).toEqual(before)
  })

  test('a batch with a repeated, a reused, an invalid and a good command answers each for itself', async () => {
    const { engine } = bench()
    const jobs = engine()
    await jobs.create(namespace, crawl)
    await jobs.command(namespace, 'j1', { id: 'a', action: 'update', increment: { bytes: Number.MAX_SAFE_INTEGER } })
    const [repeated, reused, overflow, good, same] = await Promise.all([
      codeOf(
        jobs.command(namespace, 'j1', { id: 'a', action: 'update', increment: { bytes: Number.MAX_SAFE_INTEGER } }),
      ),
      codeOf(engine().command(namespace, 'j1', { id: 'a', action: 'renew' })),
      codeOf(jobs.command(namespace, 'j1', { id: 'b', action: 'update', increment: { bytes: 1 } })),
      codeOf(jobs.command(namespace, 'j1', one('c'))),
      codeOf(jobs.command(namespace, 'j1', one('c'))),
    ])
    expect([repeated, reused, overflow, good, same]).toEqual(['none', 'id_reused', 'job_invalid', 'none', 'none'])
    expect(await jobs.snapshot(namespace, 'j1')).toMatchObject({ counters: { processed: 1 } })
  })

  test('command ids of two jobs, and of a job and its creation, never meet', async () => {
    const { engine } = bench()
    const jobs = engine()
    await jobs.create(namespace, { ...crawl, id: 'a' })
    await jobs.create(namespace, { ...crawl, id: 'a:b' })
    for (const [job, id] of [
      ['a', 'b:c'],
      ['a:b', 'c'],
      ['a', 'a'],
      ['a:b', 'a'],
    ] as const) {
      expect(await jobs.command(namespace, job, one(id))).toMatchObject({ accepted: true })
    }
    expect(await jobs.snapshot(namespace, 'a')).toMatchObject({ counters: { processed: 2 } })
  })
})

describe('ending', () => {
  test('J3: of all who end a job at once one wins, the others are refused, and there is one terminal event', async () => {
    const { store, engine, clock } = bench()
    const engines = Array.from({ length: 10 }, engine)
    await engines[0]?.create(namespace, crawl)
    const ends: JobCommand[] = engines.map(
      (_, at): JobCommand => (at % 2 ? { id: `${at}`, action: 'complete' } : { id: `${at}`, action: 'cancel' }),
    )
    const answers = Promise.all(engines.map((each, at) => each.command(namespace, 'j1', ends[at] as JobCommand)))
    await clock.advance(1_000)
    expect((await answers).filter(({ accepted }) => accepted)).toHaveLength(1)
    expect((await answers).filter(({ reason }) => reason === 'ended')).toHaveLength(9)
    const events = await eventsAfter(store, 'job:j1')
    expect(events.filter(({ type }) => isTerminalType(type))).toHaveLength(1)
    expect(isTerminalType(events.at(-1)?.type ?? '')).toBe(true)
  })

  test('J6: a command of another attempt is fenced', async () => {
    const { engine } = bench()
    const jobs = engine()
    await jobs.create(namespace, crawl)
    expect(await jobs.command(namespace, 'j1', { ...one('1'), attempt: 1 })).toMatchObject({
      accepted: true,
      leaseMs: 30_000,
    })
    expect(await jobs.command(namespace, 'j1', { ...one('2'), attempt: 2 })).toMatchObject({
      accepted: false,
      reason: 'fenced',
    })
  })

  test('S4: over the quota steps are refused with quota; ends and cancels are taken', async () => {
    const clock = fakeClock()
    const { engine } = bench(memoryStore({ clock, quotaBytes: 100 }), clock)
    const jobs = engine()
    await jobs.create(namespace, crawl)
    await jobs.create(namespace, { ...crawl, id: 'j2' }).catch(() => {})
    const [step, end] = await Promise.allSettled([
      jobs.command(namespace, 'j1', one('1')),
      jobs.command(namespace, 'j1', { id: '2', action: 'cancel' }),
    ])
    expect(step).toMatchObject({ status: 'rejected', reason: { code: 'quota' } })
    expect(end).toMatchObject({ status: 'fulfilled', value: { accepted: true } })
  })

  test('S4, J6: over the quota renewals are taken too: a full namespace is no reason for a healthy job to stall', async () => {
    const clock = fakeClock()
    const { engine } = bench(memoryStore({ clock, quotaBytes: 100 }), clock)
    const jobs = engine()
    await jobs.create(namespace, crawl)
    jobs.start()
    expect(await jobs.command(namespace, 'j1', { id: 'r', action: 'renew' })).toMatchObject({ accepted: true })
    for (let turn = 0; turn < 5; turn++) {
      await clock.advance(20_000)
      await jobs.command(namespace, 'j1', { id: `r${turn}`, action: 'renew' })
    }
    expect(await jobs.snapshot(namespace, 'j1')).toMatchObject({ status: 'running' })
    await expect(jobs.command(namespace, 'j1', one('1'))).rejects.toMatchObject({ code: 'quota' })
    await jobs.close()
  })

  test('J8: DELETE cancels what has not ended and takes the job and its events away', async () => {
    const { store, engine } = bench()
    const jobs = engine()
    await jobs.create(namespace, crawl)
    expect(await jobs.remove(namespace, 'j1')).toBe(true)
    expect(await jobs.remove(namespace, 'j1')).toBe(false)
    expect(await eventsAfter(store, 'job:j1')).toEqual([])
    expect((await eventsAfter(store, 'jobs:7')).map(({ type }) => type)).toEqual(['job.created', 'job.cancelled'])
  })
})

describe('time', () => {
  const started = async (jobs: JobsEngine, more: object = {}): Promise<JobAnswer> => {
    await jobs.create(namespace, { ...crawl, ...more })
    jobs.start()
    return jobs.command(namespace, 'j1', { id: 's', action: 'start' })
  }

  test('J6: a job that nobody renews fails with stalled within its lease and a second', async () => {
    const { store, engine, clock } = bench()
    const jobs = engine()
    const { job } = await started(jobs)
    await clock.advance(29_900)
    expect(await jobs.snapshot(namespace, 'j1')).toMatchObject({ status: 'running' })
    await clock.advance(1_100)
    const stalled = await jobs.snapshot(namespace, 'j1')
    expect(stalled).toMatchObject({ status: 'failed', error: { code: 'stalled' } })
    expect((stalled?.endedAt ?? 0) - (job.startedAt ?? 0)).toBeLessThanOrEqual(31_000)
    expect((await eventsAfter(store, 'job:j1', job.cursor)).map(({ type }) => type)).toEqual(['job.failed'])
    await jobs.close()
  })

  test('J6: any accepted command renews the lease; several sweeping nodes end a dead job once', async () => {
    const { store, engine, clock } = bench()
    const [jobs, other] = [engine(), engine()] as const
    await started(jobs)
    other.start()
    for (let nth = 0; nth < 10; nth++) {
      await clock.advance(20_000)
      const via = nth % 2 ? jobs : other
      expect(
        await via.command(namespace, 'j1', nth % 3 ? one(`${nth}`) : { id: `${nth}`, action: 'renew' }),
      ).toMatchObject({ accepted: true })
    }
    await clock.advance(31_000)
    expect(await jobs.snapshot(namespace, 'j1')).toMatchObject({ status: 'failed', error: { code: 'stalled' } })
    expect((await eventsAfter(store, 'job:j1')).filter(({ type }) => isTerminalType(type))).toHaveLength(1)
    await Promise.all([jobs.close(), other.close()])
  })

  test('J6: a pause of two leases stalls no healthy job, and a dead one only after one more lease', async () => {
    const { engine, clock, store } = bench()
    const before = engine()
    await started(before)
    await before.create(namespace, { ...crawl, id: 'dead' })
    await before.command(namespace, 'dead', { id: 's', action: 'start' })
    await clock.advance(5_000)
    await before.close()
    await clock.advance(60_000)
    const jobs = engine()
    jobs.start()
    await clock.advance(3_000)
    expect(await jobs.command(namespace, 'j1', { id: 'r', action: 'renew' })).toMatchObject({ accepted: true })
    await clock.advance(25_000)
    expect(await jobs.snapshot(namespace, 'dead')).toMatchObject({ status: 'running' })
    await clock.advance(4_000)
    expect(await jobs.snapshot(namespace, 'dead')).toMatchObject({ status: 'failed', error: { code: 'stalled' } })
    expect(await jobs.snapshot(namespace, 'j1')).toMatchObject({ status: 'running' })
    await jobs.close()
    void store
  })

  test('J6: a job that nobody starts fails with expired, and a pause does not save it', async () => {
    const { engine, clock } = bench()
    const jobs = engine()
    await jobs.create(namespace, { ...crawl, startWithinMs: 60_000 })
    await clock.advance(50_000)
    jobs.start()
    await clock.advance(9_000)
    expect(await jobs.snapshot(namespace, 'j1')).toMatchObject({ status: 'queued' })
    await clock.advance(2_000)
    expect(await jobs.snapshot(namespace, 'j1')).toMatchObject({
      status: 'failed',
      startedAt: null,
      error: { code: 'expired' },
    })
    await jobs.close()
  })

  test('J8: after its end and its time a job is gone with its events, and no timer is left', async () => {
    const { store, engine, clock, errors } = bench()
    const jobs = engine()
    await started(jobs, { ttlMs: 60_000 })
    for (let nth = 0; nth < 20; nth++) void jobs.command(namespace, 'j1', one(`${nth}`))
    await clock.advance(1)
    await jobs.command(namespace, 'j1', { id: 'end', action: 'complete' })
    await clock.advance(59_000)
    expect(await jobs.snapshot(namespace, 'j1')).not.toBeNull()
    await clock.advance(2_000)
    expect(await jobs.snapshot(namespace, 'j1')).toBeNull()
    expect(await eventsAfter(store, 'job:j1')).toEqual([])
    expect(await codeOf(jobs.command(namespace, 'j1', one('x')))).toBe('not_found')
    await jobs.close()
    expect(clock.pending).toBe(0)
    expect(errors).toEqual([])
  })

  test('J8: a thousand concurrent jobs leave nothing once they have ended and their time is over', async () => {
    const { store, engine, clock, errors } = bench()
    const jobs = engine()
    const face = jobs.face(namespace)
    jobs.start()
    const ended = Array.from({ length: 1_000 }, async (_, nth) => {
      const { job } = await face.create({ owner: `user:${nth % 50}`, kind: 'crawl', ttlMs: 10_000 })
      return face.run(job.id, async (running, signal) => {
        if (nth % 10 === 0) throw new TypeError('broken')
        if (nth % 10 === 1) return void (await jobs.command(namespace, job.id, { id: 'c', action: 'cancel' }))
        for (let step = 0; step < 10 && !signal.aborted; step++) void running.increment({ processed: 1 })
      })
    })
    await clock.advance(2_000)
    const statuses = (await Promise.all(ended)).map(({ status }) => status)
    expect([...new Set(statuses)].sort()).toEqual(['cancelled', 'completed', 'failed'])
    await clock.advance(12_000)
    expect((await store.states(namespace, { limit: 10 })).states).toEqual([])
    expect(clock.pending).toBe(1) // The sweep itself.
    await jobs.close()
    expect(clock.pending).toBe(0)
    expect(errors).toHaveLength(100)
  })

  test('J5: five steps in one tick are five events', async () => {
    const { store, engine } = bench()
    const jobs = engine()
    await jobs.create(namespace, { ...crawl, total: 5 })
    await Promise.all([1, 2, 3, 4, 5].map((nth) => jobs.command(namespace, 'j1', one(`${nth}`))))
    const progress = (await eventsAfter(store, 'job:j1')).filter(({ type }) => type === 'job.progress')
    expect(progress.map(({ data }) => (data as { percent: number }).percent)).toEqual([20, 40, 60, 80, 100])
  })

  test('J5: a million steps over two processes are told at most ten times a second, and the last of a burst within 400 ms', async () => {
    const { store, engine, clock } = bench()
    const engines = [engine(), engine()] as const
    await engines[0].create(namespace, { ...crawl, total: 1_000_000 })
    for (let tick = 0; tick < 1_000; tick++) {
      void engines[tick % 2]?.command(namespace, 'j1', {
        id: `${tick}`,
        action: 'update',
        increment: { processed: 1_000 },
      })
      await clock.advance(10)
    }
    await clock.advance(1_000)
    const events = (await eventsAfter(store, 'job:j1')).filter(({ type }) => type === 'job.progress')
    for (const { timestamp } of events) {
      expect(
        events.filter((other) => other.timestamp >= timestamp && other.timestamp < timestamp + 1_000).length,
      ).toBeLessThanOrEqual(10)
    }
    expect(events.length).toBeGreaterThan(40)
    expect(events.at(-1)?.data).toMatchObject({ counters: { processed: 1_000_000 }, percent: 100 })
    expect(await engines[1].snapshot(namespace, 'j1')).toMatchObject({ counters: { processed: 1_000_000 } })
  })
})

describe('reading', () => {
  test('J7: a snapshot and the stream from its cursor give what a reader from the start got, for any moment', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(5), { minLength: 1, maxLength: 30 }), fc.nat(30), async (steps, at) => {
        const { store, engine, clock } = bench()
        const jobs = engine()
        await jobs.create(namespace, { ...crawl, total: 40 })
        let snapshot = await jobs.snapshot(namespace, 'j1')
        for (const [nth, by] of steps.entries()) {
          void jobs.command(namespace, 'j1', { id: `${nth}`, action: 'update', increment: { processed: by } })
          if (nth === at) snapshot = await jobs.snapshot(namespace, 'j1')
          else if (by % 2) await clock.advance(60)
        }
        await jobs.command(namespace, 'j1', { id: 'end', action: 'complete' })
        const late = jobsOf(await eventsAfter(store, 'job:j1', snapshot?.cursor))
        let { version } = snapshot ?? { version: 0 }
        for (const job of late) {
          expect(job.version).toBeGreaterThan(version)
          version = job.version
        }
        expect(late.at(-1)).toEqual(jobsOf(await eventsAfter(store, 'job:j1')).at(-1))
        await jobs.close()
      }),
      { numRuns: 30 },
    )
  })

  test('jobs are listed newest first, by owner and status, page by page', async () => {
    const { engine } = bench()
    const jobs = engine()
    for (let nth = 0; nth < 25; nth++) {
      const { job } = await jobs.create(namespace, { ...crawl, id: `j${nth}`, owner: nth % 5 ? 'user:7' : 'user:8' })
      if (nth % 2) await jobs.command(namespace, job.id, { id: 'e', action: 'complete' })
    }
    const ids: string[] = []
    let after: string | undefined
    do {
      const page = await jobs.list(namespace, { owner: 'user:7', status: 'completed', limit: 3, after })
      ids.push(...page.jobs.map(({ id }) => id))
      expect(page.jobs.length).toBeLessThanOrEqual(3)
      expect(page.cursor).toMatch(/\./)
      after = page.next
    } while (after !== undefined)
    expect(ids).toEqual([23, 21, 19, 17, 13, 11, 9, 7, 3, 1].map((nth) => `j${nth}`))
    expect((await jobs.list(namespace, { owner: 'user:9' })).jobs).toEqual([])
    expect(await codeOf(jobs.list(namespace, { limit: 0 }))).toBe('query_invalid')
  })
})

describe('states that nobody here can read', () => {
  test('J6: they keep no deadline behind them from being seen, and each is reported once', async () => {
    const { store, engine, errors, clock } = bench()
    for (let nth = 0; nth < 450; nth++) {
      const topic = `job:newer-${nth}`
      const state = { topic, expect: 0, value: '{"format":99,"job":{}}', deadline: { afterMs: 1_000, lease: false } }
      await store.append(namespace, { events: [], states: [state] })
    }
    const jobs = engine()
    await jobs.create(namespace, { ...crawl, startWithinMs: 2_000 })
    jobs.start()
    await clock.advance(10_000)
    expect(await jobs.snapshot(namespace, 'j1')).toMatchObject({ status: 'failed', error: { code: 'expired' } })
    expect(errors).toHaveLength(450)
    expect(errors[0]).toMatchObject({ code: 'store_newer' })
    await jobs.close()
  })
})
