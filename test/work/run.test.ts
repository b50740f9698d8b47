import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { defineEvents } from '#src/declare.js'
import { TidingsError } from '#src/errors.js'
import { JobFailure } from '#src/work/failure.js'
import { eventsAfter, namespace } from '../jobs/engine-fixture.js'
import { watched } from './face.js'

const crawl = { id: 'j1', owner: 'user:7', kind: 'crawl' }
const aborted = (signal: AbortSignal): Promise<unknown> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(signal.reason), { once: true }))

describe('running a job', () => {
  test('J6: what the function returns completes the job', async () => {
    const { face, errors } = watched()
    const { job } = await face.create({ ...crawl, total: 3 })
    const ended = await face.run(job.id, async (running) => {
      for (let page = 0; page < 3; page++) void running.increment({ processed: 1 })
      return { pages: 3 }
    })
    expect(ended).toMatchObject({ status: 'completed', percent: 100, counters: { processed: 3 }, result: { pages: 3 } })
    expect(errors).toEqual([])
  })

  test('J6: what it throws fails the job with a safe message, and reaches onError whole', async () => {
    const { face, errors } = watched()
    const secret = new Error('connect ECONNREFUSED postgres://admin:hunter2@10.0.0.1')
    const throwing = async (id: string, error: unknown) => {
      await face.create({ ...crawl, id })
      return (await face.run(id, () => Promise.reject(error))).error
    }
    expect(await throwing('a', secret)).toEqual({ code: 'error', message: 'The job failed.', retryable: false })
    expect(await throwing('b', 'a string')).toEqual({ code: 'error', message: 'The job failed.', retryable: false })
    expect(await throwing('c', new JobFailure('site_down', 'The site does not answer.', { retryable: true }))).toEqual({
      code: 'site_down',
      message: 'The site does not answer.',
      retryable: true,
    })
    expect(await throwing('d', new TidingsError('timeout', 'Too slow.'))).toEqual({
      code: 'timeout',
      message: 'Too slow.',
      retryable: true,
    })
    expect(errors[0]).toBe(secret)
  })

  test('J6: a cancel fires the signal at once, also from another process, and the job stays cancelled', async () => {
    const { face, jobs } = watched()
    await face.create(crawl)
    let reason: unknown
    const running = face.run('j1', async (_, signal) => {
      setImmediate(() => void jobs.command(namespace, 'j1', { id: 'c', action: 'cancel' }))
      reason = await aborted(signal)
      return 'too late'
    })
    const job = await running
    expect(job).toMatchObject({ status: 'cancelled' })
    expect(job.result).toBeUndefined()
    expect(reason).toMatchObject({ code: 'job_ended' })
  })

  test('a job that ended before is not run', async () => {
    const { face } = watched()
    await face.create(crawl)
    expect(await face.cancel('j1')).toBe(true)
    expect(await face.cancel('j1')).toBe(false)
    let called = false
    expect(await face.run('j1', () => (called = true))).toMatchObject({ status: 'cancelled' })
    expect(called).toBe(false)
    await expect(face.run('j9', () => 1)).rejects.toMatchObject({ code: 'not_found' })
  })

  test('J6: it renews the lease every third of it, so that a quiet job lives; when it stops the timers are gone', async () => {
    const { face, jobs, clock, commands } = watched()
    await face.create(crawl)
    jobs.start()
    let finish: (value: string) => void = () => {}
    const running = face.run('j1', () => new Promise((resolve) => (finish = resolve)))
    await clock.advance(120_000)
    expect(await face.snapshot('j1')).toMatchObject({ status: 'running' })
    expect(commands.filter(({ action }) => action === 'renew').length).toBeGreaterThanOrEqual(11)
    finish('done')
    expect(await running).toMatchObject({ status: 'completed', result: 'done' })
    await jobs.close()
    expect(clock.pending).toBe(0)
  })

  test('a result that cannot be kept fails the job', async () => {
    const { face } = watched()
    await face.create(crawl)
    expect(await face.run('j1', () => 'x'.repeat(40_000))).toMatchObject({
      status: 'failed',
      error: { code: 'job_invalid' },
    })
  })
})

describe('a handle', () => {
  test('J11: increments without an id merge on their way, with an id they travel alone; the sum is exact', async () => {
    const { face, commands } = watched()
    const { job } = await face.create(crawl)
    const sent = Array.from({ length: 1_000 }, () => job.increment({ processed: 1 }))
    sent.push(
      job.increment({ processed: 1 }, { id: 'mine' }),
      job.set({ stage: 'end' }),
      job.log('info', 'one'),
      job.log('info', 'two'),
    )
    expect((await Promise.all(sent)).every(Boolean)).toBe(true)
    expect(await job.snapshot()).toMatchObject({ counters: { processed: 1_001 }, stage: 'end' })
    expect(commands.map(({ id }) => id === 'mine')).toEqual([false, true, false])
    expect(commands[2]).toMatchObject({
      set: { stage: 'end' },
      log: [{ message: 'one' }, { message: 'two' }],
      attempt: 1,
    })
  })

  test('J3: complete waits for what was said before it; later ends are false', async () => {
    const { face, store } = watched()
    const { job } = await face.create({ ...crawl, total: 10 })
    void job.increment({ processed: 4 })
    void job.publish('page.crawled', { url: '/' })
    expect(await job.complete({ pages: 4 })).toBe(true)
    expect(
      await Promise.all([job.complete(), job.fail(new Error('x')), job.cancel(), job.increment({ processed: 1 })]),
    ).toEqual([false, false, false, false])
    const events = await eventsAfter(store, 'job:j1')
    expect(events.map(({ type }) => type)).toEqual([
      'job.created',
      'job.started',
      'job.progress',
      'page.crawled',
      'job.completed',
    ])
    expect(events.at(-1)?.data).toMatchObject({ counters: { processed: 4 } })
  })

  test('a wrong update is refused alone, and an unawaited one ends nothing but reaches onError', async () => {
    const { face, errors } = watched()
    const { job } = await face.create(crawl)
    void job.increment({ processed: 1 })
    void job.increment({ processed: -1 })
    void job.increment({ processed: 2 })
    await expect(job.set({ total: 1.5 })).rejects.toMatchObject({ code: 'job_invalid', field: 'set.total' })
    expect(await job.renew()).toBe(true)
    await job.set({ stage: 'x' })
    expect(await job.snapshot()).toMatchObject({ counters: { processed: 3 } })
    expect(errors).toMatchObject([{ field: 'increment.processed' }, { field: 'set.total' }])
  })

  test('J2: an own event that is refused spoils nothing of what was merged with it', async () => {
    const { face, jobs, errors, commands } = watched({
      events: defineEvents({ 'page.done': z.object({ url: z.string() }) }),
    })
    const { job } = await face.create(crawl)
    const counted: Promise<boolean>[] = []
    const refused: Promise<unknown>[] = []
    for (let page = 0; page < 9; page++) {
      counted.push(job.increment({ processed: 1 }))
      const event =
        page === 4 ? { type: 'page.dnoe', data: 1 } : { type: 'page.done', data: page === 5 ? 5 : { url: '/' } }
      const told = job.publish(event.type, event.data)
      if (page === 4 || page === 5) refused.push(told.catch(({ code }: TidingsError) => code))
      else counted.push(told)
    }
    counted.push(job.log('info', 'nine pages'))
    expect((await Promise.all(counted)).every(Boolean)).toBe(true)
    expect(await Promise.all(refused)).toEqual(['type_invalid', 'event_invalid'])
    expect(errors).toMatchObject([{ code: 'type_invalid' }, { code: 'event_invalid' }])
    expect((await jobs.snapshot(namespace, 'j1'))?.counters).toEqual({ processed: 9 })
    expect(new Set(commands.map(({ id }) => id)).size).toBe(commands.length)
    job.close()
  })

  test('J2: a counter too many is refused alone, and one that would pass the largest number', async () => {
    const { face } = watched()
    const { job } = await face.create(crawl)
    const names = Array.from({ length: 63 }, (_, nth) => [`c${nth}`, 1] as const)
    await job.increment({ ...Object.fromEntries(names), large: Number.MAX_SAFE_INTEGER })
    const told = await Promise.allSettled([
      job.increment({ c1: 1 }),
      job.increment({ oneMore: 1 }),
      job.increment({ c1: 1 }),
      job.increment({ large: 1 }),
      job.set({ stage: 'pages' }),
    ])
    expect(told.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled'])
    expect(await job.snapshot()).toMatchObject({ counters: { c1: 3, large: Number.MAX_SAFE_INTEGER }, stage: 'pages' })
    job.close()
  })

  test('J6: an open handle renews from its first command until it is closed', async () => {
    const { face, jobs, clock } = watched()
    const { job } = await face.create(crawl)
    jobs.start()
    await job.increment({ processed: 1 })
    await clock.advance(100_000)
    expect(await job.snapshot()).toMatchObject({ status: 'running' })
    job.close()
    await clock.advance(31_000)
    expect(await job.snapshot()).toMatchObject({ status: 'failed', error: { code: 'stalled' } })
    await jobs.close()
  })
})
