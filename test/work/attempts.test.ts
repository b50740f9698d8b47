import { describe, expect, test } from 'vitest'
import { TidingsError } from '#src/errors.js'
import type { Job } from '#src/protocol/job.js'
import { JobFailure } from '#src/work/failure.js'
import { eventsAfter, jobsOf, namespace } from '../jobs/engine-fixture.js'
import { watched } from './face.js'

const crawl = { id: 'j1', owner: 'user:7', kind: 'crawl', attempts: 3 }
const broken = (): never => {
  throw new JobFailure('site_down', 'The site does not answer.')
}

describe('running a job that has attempts', () => {
  test('J6: what threw is called again until it returns, after a pause that grows, each time with fresh counters', async () => {
    const { face, clock, store } = watched()
    await face.create(crawl)
    const called: number[] = []
    const running = face.run('j1', async (job) => {
      called.push(clock.monotonic())
      await job.increment({ processed: called.length })
      return called.length < 3 ? broken() : 'done'
    })
    await clock.advance(10_000)
    expect(await running).toMatchObject({ status: 'completed', attempt: 3, counters: { processed: 3 }, result: 'done' })
    const pauses = called.map((at, nth) => at - (called[nth - 1] ?? 0)).slice(1)
    expect(pauses[0]).toBeLessThanOrEqual(1_000)
    expect(pauses[1]).toBeLessThanOrEqual(2_000)
    const told = jobsOf(await eventsAfter(store, 'job:j1')).map(({ status, attempt }) => `${status} ${attempt}`)
    expect([...new Set(told)]).toEqual([
      'queued 1',
      'running 1',
      'queued 2',
      'running 2',
      'queued 3',
      'running 3',
      'completed 3',
    ])
    expect(clock.pending).toBe(0)
  })

  test('J6: the last failure ends it', async () => {
    const { face, clock } = watched()
    await face.create(crawl)
    let called = 0
    const running = face.run('j1', () => {
      called++
      return broken()
    })
    await clock.advance(10_000)
    expect(await running).toMatchObject({ status: 'failed', attempt: 3, error: { code: 'site_down' } })
    expect(called).toBe(3)
  })

  test('with a queue of one’s own it ends after one attempt, and the job is queued again', async () => {
    const { face } = watched()
    await face.create(crawl)
    expect(await face.run('j1', broken, { attempts: 'one' })).toMatchObject({ status: 'queued', attempt: 2 })
    await expect(face.run('j1', broken, { attempts: 'two' as 'one' })).rejects.toMatchObject({ field: 'attempts' })
  })

  test('asked to stop, it lets the attempt end and begins no further one', async () => {
    const { face, clock } = watched()
    await face.create(crawl)
    const stop = new AbortController()
    let called = 0
    const work = (): never => {
      called++
      if (called === 2) stop.abort()
      return broken()
    }
    const running = face.run('j1', work, { stop: stop.signal })
    await clock.advance(10_000)
    expect(await running).toMatchObject({ status: 'queued', attempt: 3 })
    const other = new AbortController()
    const paused = face.run('j1', broken, { stop: other.signal })
    await clock.advance(0)
    other.abort()
    expect(await paused).toMatchObject({ status: 'failed' })
    expect(clock.pending).toBe(0)
    await expect(face.run('j1', broken, { stop: true as never })).rejects.toMatchObject({ field: 'stop' })
  })

  test('J6: cancelled, or begun by somebody else, in the pause: this call leaves it alone', async () => {
    for (const other of ['cancel', 'start'] as const) {
      const { face, jobs, clock } = watched()
      await face.create(crawl)
      let called = 0
      const running = face.run('j1', () => {
        called++
        return broken()
      })
      await clock.advance(0)
      expect(await face.snapshot('j1')).toMatchObject({ status: 'queued', attempt: 2 })
      await jobs.command(namespace, 'j1', { id: 'x', action: other })
      await clock.advance(0)
      expect(await running).toMatchObject({ status: other === 'cancel' ? 'cancelled' : 'running', attempt: 2 })
      expect(called).toBe(1)
    }
  })

  test('J6: a worker whose attempt stalled is fenced: its signal fires, what it says counts no more, and it stays out of the next', async () => {
    const { face, jobs, clock, way } = watched()
    await face.create(crawl)
    let reason: unknown
    let said: unknown
    const running = face.run('j1', async (job, signal) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      reason = signal.reason
      said = await job.increment({ processed: 1 })
    })
    await clock.advance(0)
    // It is cut off from the store, and the others are not.
    way.fail = ({ action }) => {
      if (action === 'renew') throw new Error('cut off')
    }
    jobs.start()
    await clock.advance(32_000)
    expect(await running).toMatchObject({ status: 'queued', attempt: 2, counters: {}, error: { code: 'stalled' } })
    expect(reason).toMatchObject({ code: 'job_fenced' })
    expect(said).toBe(false)
    await jobs.close()
  })

  test('J6: what is told late of an attempt before fences nobody', async () => {
    const { face, jobs, clock, way } = watched()
    await face.create(crawl)
    const { job: first } = await jobs.command(namespace, 'j1', { id: 'a', action: 'start' })
    await jobs.command(namespace, 'j1', {
      id: 'b',
      action: 'fail',
      error: { code: 'x', message: 'x', retryable: false },
    })
    let tell: (job: Job) => void = () => {}
    way.followed = (changed) => (tell = changed)
    let finish: () => void = () => {}
    let signal: AbortSignal | undefined
    const running = face.run('j1', async (_, given) => {
      signal = given
      await new Promise<void>((resolve) => (finish = resolve))
    })
    await clock.advance(0)
    tell(first)
    expect(signal?.reason).toBeUndefined()
    finish()
    expect(await running).toMatchObject({ status: 'completed', attempt: 2 })
  })

  test('J6: where the answer to the start came after that attempt was over, the next one is begun and kept', async () => {
    const { face, jobs, clock, way, commands } = watched()
    await face.create(crawl)
    jobs.start()
    let lost = 0
    way.lose = () => {
      if (lost++ === 0) throw new TidingsError('timeout', 'No answer.', { retryAfterMs: 5_000 })
    }
    let finish: () => void = () => {}
    let began = 0
    const running = face.run('j1', async () => {
      began++
      await new Promise<void>((resolve) => (finish = resolve))
    })
    await clock.advance(0)
    await jobs.command(namespace, 'j1', {
      id: 'x',
      action: 'fail',
      error: { code: 'x', message: 'x', retryable: false },
    })
    await clock.advance(6_000)
    expect(await face.snapshot('j1')).toMatchObject({ status: 'running', attempt: 2 })
    await clock.advance(100_000)
    expect(began).toBe(1)
    expect(commands.filter(({ action }) => action === 'renew').length).toBeGreaterThan(5)
    finish()
    expect(await running).toMatchObject({ status: 'completed', attempt: 2 })
    await jobs.close()
  })

  test('J6: a handle whose first answer came after its attempt was over renews the one that it begins', async () => {
    const { face, jobs, clock, way } = watched()
    await face.create(crawl)
    jobs.start()
    let lost = 0
    way.lose = () => {
      if (lost++ === 0) throw new TidingsError('timeout', 'No answer.', { retryAfterMs: 5_000 })
    }
    const job = face.open('j1')
    const counted = job.increment({ processed: 1 })
    await clock.advance(0)
    await jobs.command(namespace, 'j1', {
      id: 'x',
      action: 'fail',
      error: { code: 'x', message: 'x', retryable: false },
    })
    await clock.advance(6_000)
    expect(await counted).toBe(true)
    expect(await job.increment({ processed: 1 })).toBe(true)
    await clock.advance(100_000)
    expect(await job.snapshot()).toMatchObject({ status: 'running', attempt: 2, counters: { processed: 1 } })
    job.close()
    await jobs.close()
  })

  test('J6: an attempt that was begun and ended before its start was answered is not worked on', async () => {
    const { face, jobs, clock, way } = watched()
    await face.create(crawl)
    let lost = 0
    way.lose = () => {
      if (lost++ === 0) throw new TidingsError('timeout', 'No answer.', { retryAfterMs: 5_000 })
    }
    let called = false
    const running = face.run('j1', () => (called = true))
    await clock.advance(0)
    await jobs.command(namespace, 'j1', { id: 'x', action: 'cancel' })
    await clock.advance(6_000)
    expect(await running).toMatchObject({ status: 'cancelled' })
    expect(called).toBe(false)
  })

  test('J6: an ended job is run again as a new one', async () => {
    const { face } = watched()
    await face.create({ ...crawl, attempts: 1 })
    await expect(face.retry('j1')).rejects.toMatchObject({ code: 'job_active' })
    await face.run('j1', broken)
    const { job } = await face.retry('j1', { id: 'j2' })
    expect(job.id).toBe('j2')
    expect(await face.run(job.id, () => 'done')).toMatchObject({ status: 'completed', retryOf: 'j1' })
    expect((await face.retry('j1', { id: 'j2' })).job.id).toBe('j2')
  })
})
