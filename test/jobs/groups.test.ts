import { describe, expect, test } from 'vitest'
import { TidingsError } from '#src/errors.js'
import type { JobsEngine } from '#src/jobs/jobs.js'
import type { Job, JobCommand } from '#src/protocol/job.js'
import { isTerminalType } from '#src/protocol/job.js'
import { type Bench, bench, during, eventsAfter, jobsOf, namespace } from './engine-fixture.js'

const batch = { owner: 'user:7', kind: 'batch' }
const step = (id: string, increment: Record<string, number> = { processed: 1 }): JobCommand => ({
  id,
  action: 'update',
  increment,
})
const get = async (jobs: JobsEngine, id: string): Promise<Job> => {
  const job = await jobs.snapshot(namespace, id)
  if (!job) throw new Error(`no job ${id}`)
  return job
}
const refusal = (promise: Promise<unknown>): Promise<object> =>
  promise.then(
    () => ({}),
    (error: unknown) => (error instanceof TidingsError ? { code: error.code, field: error.field } : { error }),
  )
const group = async (children: readonly object[], parent: object = {}): Promise<{ jobs: JobsEngine; make: Bench }> => {
  const make = bench()
  const jobs = make.engine()
  await jobs.create(namespace, { ...batch, id: 'p', ...parent })
  for (const [at, given] of children.entries())
    await jobs.create(namespace, { ...batch, id: `c${at}`, parent: 'p', ...given })
  return { jobs, make }
}

describe('a parent sums its children', () => {
  test('J9: counters, known and free, and totals; each child’s publication counts in one step with it', async () => {
    const { jobs, make } = await group([{ total: 10 }, { total: 10 }, {}])
    expect(await get(jobs, 'p')).toMatchObject({ total: 20, percent: 0, status: 'queued' })
    await jobs.command(namespace, 'c0', step('1', { processed: 3, bytes: 100 }))
    await jobs.command(namespace, 'c1', step('1', { processed: 2, failed: 1 }))
    await jobs.command(namespace, 'c2', step('1', { discovered: 4, skipped: 1, bytes: 5 }))
    expect(await get(jobs, 'p')).toMatchObject({
      status: 'running',
      counters: { processed: 5, failed: 1, skipped: 1, bytes: 105, discovered: 4 },
      total: 24,
      percent: 30,
    })
    const types = (await eventsAfter(make.store, 'jobs:7')).map(({ type, data }) => `${(data as Job).id} ${type}`)
    expect(types.slice(-10)).toEqual([
      'c0 job.started',
      'c0 job.progress',
      'p job.started',
      'p job.progress',
      'c1 job.started',
      'c1 job.progress',
      'p job.progress',
      'c2 job.started',
      'c2 job.progress',
      'p job.progress',
    ])
  })

  test('J9: what a child withholds is not counted before it leaves, and its end counts at once', async () => {
    const { jobs, make } = await group([{ total: 100 }])
    await Promise.all(Array.from({ length: 30 }, (_, nth) => jobs.command(namespace, 'c0', step(`${nth}`))))
    expect((await get(jobs, 'c0')).counters).toEqual({ processed: 30 })
    expect((await get(jobs, 'p')).counters).toEqual({ processed: 5 })
    await make.clock.advance(200)
    expect((await get(jobs, 'p')).counters).toEqual({ processed: 30 })
    await Promise.all(Array.from({ length: 30 }, (_, nth) => jobs.command(namespace, 'c0', step(`b${nth}`))))
    await jobs.command(namespace, 'c0', { id: 'end', action: 'complete' })
    expect((await get(jobs, 'p')).counters).toEqual({ processed: 60 })
    await jobs.close()
  })

  test('J9: what the parent does itself counts beside its children; a total that was set is the whole group’s', async () => {
    const { jobs } = await group([{ total: 10 }, { total: 10 }], { total: 40, counters: { processed: 1 } })
    expect(await get(jobs, 'p')).toMatchObject({ total: 40, percent: 2 })
    await jobs.command(namespace, 'p', step('own', { processed: 1, discovered: 30 }))
    await jobs.command(namespace, 'c0', step('1', { processed: 3 }))
    expect(await get(jobs, 'p')).toMatchObject({ counters: { processed: 5, discovered: 30 }, total: 50, percent: 10 })
  })

  test('J9, J4: children added late make the total grow and the percent stay', async () => {
    const { jobs, make } = await group([{ total: 4 }])
    await jobs.command(namespace, 'c0', step('1', { processed: 2 }))
    expect(await get(jobs, 'p')).toMatchObject({ total: 4, percent: 50 })
    await jobs.create(namespace, { ...batch, id: 'late', parent: 'p', total: 40 })
    expect(await get(jobs, 'p')).toMatchObject({ total: 44, percent: 50 })
    await jobs.command(namespace, 'late', step('1', { processed: 20 }))
    await jobs.command(namespace, 'late', { id: 'end', action: 'complete' })
    expect(await get(jobs, 'p')).toMatchObject({ counters: { processed: 22 }, percent: 50 })
    const percents = jobsOf(await eventsAfter(make.store, 'job:p')).map(({ percent }) => percent ?? 0)
    expect(percents).toEqual([...percents].sort((one, other) => one - other))
  })

  test('J9, J6: a child that fails and begins anew takes its counters back; the parent’s percent stays', async () => {
    const { jobs } = await group([{ total: 4, attempts: 2 }, { total: 4 }])
    await jobs.command(namespace, 'c0', step('1', { processed: 4 }))
    expect(await get(jobs, 'p')).toMatchObject({ counters: { processed: 4 }, percent: 50 })
    await jobs.command(namespace, 'c0', {
      id: 'f',
      action: 'fail',
      error: { code: 'error', message: 'No.', retryable: true },
    })
    expect(await get(jobs, 'c0')).toMatchObject({ status: 'queued', attempt: 2, counters: {}, percent: 0 })
    expect(await get(jobs, 'p')).toMatchObject({ counters: { processed: 0 }, total: 8, percent: 50 })
    await jobs.command(namespace, 'c0', step('2', { processed: 4 }))
    await jobs.command(namespace, 'c1', step('2', { processed: 4 }))
    expect(await get(jobs, 'p')).toMatchObject({ counters: { processed: 8 }, percent: 100, status: 'running' })
  })

  test('J9: a child that is run again takes the place of the one that failed', async () => {
    const { jobs } = await group([{ total: 4 }, { total: 4 }])
    await jobs.command(namespace, 'c0', step('1', { processed: 1, failed: 3 }))
    await jobs.command(namespace, 'c0', {
      id: 'f',
      action: 'fail',
      error: { code: 'error', message: 'No.', retryable: true },
    })
    const { job } = await jobs.retry(namespace, 'c0', { id: 'again' })
    expect(job).toMatchObject({ retryOf: 'c0', parent: 'p', counters: {}, total: 4 })
    expect(await get(jobs, 'p')).toMatchObject({ counters: { processed: 0, failed: 0 }, total: 8, percent: 50 })
    await jobs.command(namespace, 'again', step('1', { processed: 4 }))
    expect(await get(jobs, 'p')).toMatchObject({ counters: { processed: 4 }, percent: 50 })
    expect(await jobs.remove(namespace, 'c0')).toBe(true)
    expect(await get(jobs, 'p')).toMatchObject({ counters: { processed: 4 }, total: 8 })
    await jobs.command(namespace, 'p', { id: 'e', action: 'complete' })
    await jobs.command(namespace, 'again', { id: 'e', action: 'cancel' })
    expect((await jobs.retry(namespace, 'again', { id: 'alone' })).job.parent).toBeUndefined()
  })

  test('J9: a child that is deleted takes its share along; one whose time is over leaves it', async () => {
    const { jobs, make } = await group([{ total: 4 }, { total: 4, ttlMs: 5_000 }, { total: 4 }], { leaseMs: 3_600_000 })
    jobs.start()
    for (const id of ['c0', 'c1']) await jobs.command(namespace, id, step('1', { processed: 4 }))
    await jobs.command(namespace, 'c1', { id: 'e', action: 'complete' })
    expect(await jobs.remove(namespace, 'c0')).toBe(true)
    expect(await get(jobs, 'p')).toMatchObject({ counters: { processed: 4 }, total: 8, percent: 66 })
    await make.clock.advance(10_000)
    expect(await jobs.snapshot(namespace, 'c1')).toBeNull()
    expect(await get(jobs, 'p')).toMatchObject({ counters: { processed: 4 }, total: 8, percent: 66 })
    await jobs.close()
    expect(make.errors).toEqual([])
  })

  test('J9: 40 videos in four levels, from several processes: every sum is exact, through failures and retries', async () => {
    const make = bench()
    const engines = [make.engine(), make.engine(), make.engine()]
    const at = (nth: number): JobsEngine => engines[nth % 3] as JobsEngine
    const given = [
      { id: 'root' },
      { id: 'middle', parent: 'root' },
      ...[0, 1, 2, 3].map((nth) => ({ id: `list${nth}`, parent: 'middle' })),
    ]
    for (const [nth, each] of given.entries())
      await during(make.clock, at(nth).create(namespace, { ...batch, ...each }))
    const work = Array.from({ length: 40 }, async (_, nth) => {
      const id = `video${nth}`
      await at(nth).create(namespace, { ...batch, id, parent: `list${nth % 4}`, total: 10, attempts: 2 })
      for (let done = 0; done < 10; done++) await at(nth + done).command(namespace, id, step(`${done}`))
      if (nth % 5 === 0) {
        const error = { code: 'error', message: 'No.', retryable: true }
        await at(nth).command(namespace, id, { id: 'f', action: 'fail', error })
        for (let done = 0; done < 10; done++) await at(nth + done).command(namespace, id, step(`again${done}`))
      }
      return at(nth).command(namespace, id, { id: 'e', action: nth % 7 === 0 ? 'cancel' : 'complete' })
    })
    expect((await during(make.clock, Promise.all(work))).every(({ accepted }) => accepted)).toBe(true)
    for (const [id, sum] of [
      ['root', 400],
      ['middle', 400],
      ['list0', 100],
      ['list3', 100],
    ] as const)
      expect(await get(at(0), id)).toMatchObject({ counters: { processed: sum }, total: sum, percent: 100 })
    const { writes, conflicts } = engines
      .map((engine) => engine.stats())
      .reduce((sum, each) => ({
        ...sum,
        writes: sum.writes + each.writes,
        conflicts: sum.conflicts + each.conflicts,
      }))
    expect(conflicts / writes).toBeLessThan(2)
    const events = await eventsAfter(make.store, 'job:root')
    const percents = jobsOf(events).map(({ percent }) => percent ?? 0)
    expect(percents).toEqual([...percents].sort((one, other) => one - other))
    await Promise.all(engines.map((engine) => engine.close()))
    expect(make.errors).toEqual([])
  })
})

describe('what a group is not', () => {
  test('J9: a parent that is not there, is somebody else’s, or has ended is refused by name', async () => {
    const { jobs } = await group([])
    await jobs.create(namespace, { ...batch, id: 'hers', owner: 'user:8' })
    await jobs.create(namespace, { ...batch, id: 'over' })
    await jobs.command(namespace, 'over', { id: 'e', action: 'cancel' })
    for (const parent of ['nobody', 'hers', 'over', 'self'])
      expect(await refusal(jobs.create(namespace, { ...batch, id: 'self', parent }))).toEqual({
        code: 'job_invalid',
        field: 'parent',
      })
    expect(await jobs.snapshot(namespace, 'self')).toBeNull()
  })

  test('J9: four levels and no more', async () => {
    const { jobs } = await group([{}])
    await jobs.create(namespace, { ...batch, id: 'third', parent: 'c0' })
    await jobs.create(namespace, { ...batch, id: 'fourth', parent: 'third' })
    expect(await refusal(jobs.create(namespace, { ...batch, id: 'fifth', parent: 'fourth' }))).toEqual({
      code: 'job_invalid',
      field: 'parent',
    })
  })

  test('J9: a thousand children and no more, and their number costs the parent nothing', async () => {
    const { jobs, make } = await group([])
    const made = await Promise.all(
      Array.from({ length: 1_001 }, (_, nth) =>
        refusal(jobs.create(namespace, { ...batch, id: `m${nth}`, parent: 'p', total: 2 })),
      ),
    )
    expect(made.filter((each) => 'code' in each)).toEqual([{ code: 'job_invalid', field: 'parent' }])
    expect(await get(jobs, 'p')).toMatchObject({ total: 2_000 })
    const { state } = await make.store.state(namespace, 'job:p')
    expect(state?.value.length).toBeLessThan(2_000)
    expect(await jobs.remove(namespace, 'm1')).toBe(true)
    expect(await refusal(jobs.create(namespace, { ...batch, id: 'one-more', parent: 'p' }))).toEqual({})
  })

  test('J9: a parent does not end by itself, does not stall while a child is open, and does after the last', async () => {
    const { jobs, make } = await group([{ leaseMs: 600_000 }, {}])
    jobs.start()
    await jobs.command(namespace, 'c0', { id: 's', action: 'start' })
    await jobs.command(namespace, 'c1', { id: 'e', action: 'complete' })
    await make.clock.advance(120_000)
    expect(await get(jobs, 'p')).toMatchObject({ status: 'running' })
    await jobs.command(namespace, 'c0', { id: 'e', action: 'complete' })
    expect(await get(jobs, 'p')).toMatchObject({ status: 'running' })
    await make.clock.advance(29_000)
    expect(await get(jobs, 'p')).toMatchObject({ status: 'running' })
    await make.clock.advance(2_500)
    expect(await get(jobs, 'p')).toMatchObject({ status: 'failed', error: { code: 'stalled' } })
    await jobs.close()
  })

  test('J9: the first word of a child makes the parent running, also where it is its last', async () => {
    const { jobs } = await group([{}])
    await jobs.create(namespace, { ...batch, id: 'below', parent: 'c0' })
    await jobs.command(namespace, 'below', { id: 'e', action: 'complete' })
    for (const id of ['p', 'c0']) expect((await get(jobs, id)).status).toBe('running')
  })

  test('J9: an ended parent counts nothing more, and nothing follows its end', async () => {
    const { jobs, make } = await group([{ total: 4 }])
    await jobs.command(namespace, 'p', { id: 'e', action: 'complete' })
    const before = await get(jobs, 'p')
    await jobs.command(namespace, 'c0', step('1'))
    await jobs.command(namespace, 'c0', { id: 'e', action: 'complete' })
    const { cursor: _, ...after } = await get(jobs, 'p')
    expect(before).toMatchObject(after)
    expect(isTerminalType((await eventsAfter(make.store, 'job:p')).at(-1)?.type ?? '')).toBe(true)
  })

  test('J9, J3: cancelling a job cancels all below it, at every level, once; completing it does not', async () => {
    const { jobs, make } = await group([{}, {}, {}])
    await jobs.create(namespace, { ...batch, id: 'deep', parent: 'c0' })
    await jobs.create(namespace, { ...batch, id: 'deepest', parent: 'deep' })
    await jobs.create(namespace, { ...batch, id: 'other' })
    await jobs.command(namespace, 'c1', { id: 'e', action: 'complete' })
    await jobs.command(namespace, 'p', { id: 'x', action: 'cancel' })
    await jobs.close()
    const status = async (id: string): Promise<string> => (await get(jobs, id)).status
    for (const id of ['p', 'c0', 'c2', 'deep', 'deepest']) expect([id, await status(id)]).toEqual([id, 'cancelled'])
    expect(await status('c1')).toBe('completed')
    expect(await status('other')).toBe('queued')
    for (const id of ['p', 'c0', 'deepest']) {
      const ends = (await eventsAfter(make.store, `job:${id}`)).filter(({ type }) => isTerminalType(type))
      expect(ends).toHaveLength(1)
    }
    const completed = await group([{}])
    await completed.jobs.command(namespace, 'p', { id: 'e', action: 'complete' })
    expect((await get(completed.jobs, 'c0')).status).toBe('queued')
  })

  test('J9: where the process that cancelled dies half-way, the sweep of another goes on', async () => {
    const make = bench()
    const dying = make.engine()
    await dying.create(namespace, { ...batch, id: 'p' })
    await dying.create(namespace, { ...batch, id: 'c', parent: 'p' })
    const real = make.store.states
    Object.assign(make.store, { states: () => Promise.reject(new TidingsError('store_unavailable', 'Away.')) })
    await dying.command(namespace, 'p', { id: 'x', action: 'cancel' })
    await dying.close()
    Object.assign(make.store, { states: real })
    expect((await get(dying, 'c')).status).toBe('queued')
    const other = make.engine()
    other.start()
    await make.clock.advance(3_000)
    expect((await get(other, 'c')).status).toBe('cancelled')
    await other.close()
    expect(make.errors).toMatchObject([{ code: 'store_unavailable' }])
  })
})

describe('a group while the store fails, or nobody takes the parent up', () => {
  test('J8, J9: a running group is taken away only when all below it is cancelled', async () => {
    const real = bench()
    let failing = true
    const states: typeof real.store.states = (...given) =>
      failing ? Promise.reject(new TidingsError('store_unavailable', 'away')) : real.store.states(...given)
    const make = bench({ ...real.store, states }, real.clock)
    const jobs = make.engine()
    await jobs.create(namespace, { ...batch, id: 'p' })
    await jobs.create(namespace, { ...batch, id: 'c', parent: 'p' })
    await jobs.create(namespace, { ...batch, id: 'd', parent: 'c' })
    await jobs.command(namespace, 'd', { id: 'start', action: 'start' })
    expect(await refusal(jobs.remove(namespace, 'p'))).toMatchObject({ code: 'store_unavailable' })
    expect(await get(jobs, 'p')).toMatchObject({ status: 'cancelled' })
    failing = false
    expect(await jobs.remove(namespace, 'p')).toBe(true)
    expect(await jobs.snapshot(namespace, 'p')).toBeNull()
    for (const id of ['c', 'd']) expect(await get(jobs, id)).toMatchObject({ status: 'cancelled' })
    await jobs.close()
  })

  test('J6, J9: a parent that waits for its next attempt does not expire while a job below it works', async () => {
    const { jobs, make } = await group([{ leaseMs: 30_000 }], { attempts: 2, startWithinMs: 60_000 })
    jobs.start()
    await jobs.command(namespace, 'c0', { id: 'start', action: 'start' })
    await jobs.command(namespace, 'p', {
      id: 'lost',
      action: 'fail',
      error: { code: 'x', message: 'x', retryable: true },
    })
    expect(await get(jobs, 'p')).toMatchObject({ status: 'queued', attempt: 2 })
    for (let passedMs = 0, nth = 0; passedMs < 180_000; passedMs += 10_000, nth++) {
      await make.clock.advance(10_000)
      expect(await jobs.command(namespace, 'c0', { id: `renew ${nth}`, action: 'renew' })).toMatchObject({
        accepted: true,
      })
    }
    expect(await get(jobs, 'p')).toMatchObject({ status: 'queued' })
    await jobs.command(namespace, 'c0', { id: 'end', action: 'complete' })
    await make.clock.advance(50_000)
    expect(await get(jobs, 'p')).toMatchObject({ status: 'queued' })
    await make.clock.advance(15_000)
    expect(await get(jobs, 'p')).toMatchObject({ status: 'failed', error: { code: 'expired' } })
    await jobs.close()
  })
})
