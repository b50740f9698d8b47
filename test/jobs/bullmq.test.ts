import { UnrecoverableError } from 'bullmq'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Job } from '#src/protocol/job.js'
import { bullMQJobId } from '#src/jobs/bullmq/index.js'
import { noRedis, startRedis } from '../fixtures/redis.js'
import { benchOf, gate, history, linesOf, openHub, typesOf, until } from './bullmq-fixture.js'

describe.skipIf(noRedis !== null)(`BullMQ${noRedis ? ` (${noRedis})` : ''}`, () => {
  let redis: Awaited<ReturnType<typeof startRedis>>
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis.stop())

  test('J10: progress, log lines and the result of an unmodified worker become those of a job of its owner', async () => {
    const { queue, work, bridge } = benchOf(redis.socket)
    const hub = await openHub()
    const { jobId } = await bridge(hub)
    const added = await queue.add('encode', { userId: '7', secret: 'x' })
    work(async (job) => {
      await job.updateProgress(40)
      await job.log('half way')
      await job.updateProgress({ total: 4, processed: 3, stage: 'sound', file: 'a.mp4' })
      await job.log('nearly')
      return { frames: 1200 }
    })
    const id = jobId(added.id as string)
    expect(id).toBe(bullMQJobId(queue.name, added.id as string))
    const events = await history(hub, id)
    expect(typesOf(events)[0]).toBe('job.created')
    expect(typesOf(events)).toContain('job.started')
    expect(typesOf(events).at(-1)).toBe('job.completed')
    const lines = linesOf(events)
    expect(lines).toEqual(['half way', 'nearly'])
    expect(await hub.jobs.snapshot(id)).toMatchObject({
      owner: 'user:7',
      kind: `${queue.name}/encode`,
      status: 'completed',
      percent: 100,
      stage: 'sound',
      current: { total: 4, processed: 3, stage: 'sound', file: 'a.mp4' },
      result: { frames: 1200 },
      meta: { queue: queue.name, jobId: added.id },
      attempt: 1,
      attempts: 1,
    })
    expect(JSON.stringify(events)).not.toContain('secret')
    expect(hub.errors).toEqual([])
  })

  test('J10: a number is a percentage that never falls; a failure is safe to show and final', async () => {
    const { queue, work, bridge } = benchOf(redis.socket)
    const hub = await openHub()
    const { jobId } = await bridge(hub)
    work(async (job) => {
      await job.updateProgress(12.7)
      await job.updateProgress(9)
      throw new Error('cannot reach db.internal:5432 with password hunter2')
    })
    const added = await queue.add('encode', { userId: '7' })
    const events = await history(hub, jobId(added.id as string))
    const percents = events.map(({ job }) => job.percent).filter((percent) => percent !== null && percent !== undefined)
    expect(percents.at(-1)).toBe(12)
    expect(percents).toEqual([...percents].sort((one, other) => (one as number) - (other as number)))
    expect(events.at(-1)).toMatchObject({
      type: 'job.failed',
      job: { error: { code: 'failed', message: 'The job failed.' } },
    })
    expect(JSON.stringify(events)).not.toContain('hunter2')
  })

  test('J10, J6: attempts are retried as BullMQ does, with and without a delay, and an unrecoverable error is the end', async () => {
    const { queue, work, bridge } = benchOf(redis.socket)
    const hub = await openHub()
    const { jobId } = await bridge(hub, { error: (message) => ({ code: 'encode', message, retryable: false }) })
    work(async (job) => {
      await job.updateProgress({ total: 2, processed: 1 })
      if (job.name === 'hopeless') throw new UnrecoverableError('broken file')
      if (job.attemptsMade < 2) throw new Error(`try ${job.attemptsMade + 1}`)
      return 'done'
    })
    const plain = await queue.add('plain', { userId: '7' }, { attempts: 3 })
    const delayed = await queue.add('delayed', { userId: '7' }, { attempts: 3, backoff: { type: 'fixed', delay: 50 } })
    const hopeless = await queue.add('hopeless', { userId: '7' }, { attempts: 5 })
    for (const added of [plain, delayed]) {
      const events = await history(hub, jobId(added.id as string))
      const retrying = events.filter(({ type }) => type === 'job.retrying').map(({ job }) => job)
      expect(retrying.map(({ attempt, status, counters }) => [attempt, status, counters])).toEqual([
        [2, 'queued', {}],
        [3, 'queued', {}],
      ])
      expect(retrying.at(-1)?.error?.code).toBe('encode')
      expect(events.at(-1)?.job).toMatchObject({ status: 'completed', attempt: 3, attempts: 3, result: 'done' })
    }
    expect((await history(hub, jobId(delayed.id as string))).some(({ job }) => job.stage === 'delayed')).toBe(true)
    const end = (await history(hub, jobId(hopeless.id as string))).at(-1)
    expect(end).toMatchObject({ type: 'job.failed', job: { attempt: 1, error: { message: 'broken file' } } })
    expect(hub.errors).toEqual([])
  })

  test('J10: a delayed job says so, and a removed one is cancelled', async () => {
    const { queue, bridge } = benchOf(redis.socket)
    const hub = await openHub()
    const { jobId } = await bridge(hub)
    const added = await queue.add('encode', { userId: '7' }, { delay: 60_000 })
    const id = jobId(added.id as string)
    const delayed = await until(hub, id, ({ stage }) => stage === 'delayed')
    expect(delayed).toMatchObject({ status: 'queued', startedAt: null })
    expect(delayed.message).toMatch(/^Until 20/)
    await added.remove()
    expect((await history(hub, id)).at(-1)?.type).toBe('job.cancelled')
  })

  test('J3, J10: what BullMQ says of a job that its owner has cancelled is ignored', async () => {
    const { queue, work, bridge } = benchOf(redis.socket)
    const hub = await openHub()
    const { jobId } = await bridge(hub)
    const [begun, cancelled] = [gate(), gate()]
    const worker = work(async (job) => {
      begun.open()
      await cancelled.passed
      await job.updateProgress(80)
    })
    const completed = new Promise((resolve) => worker.once('completed', resolve))
    const added = await queue.add('encode', { userId: '7' })
    const id = jobId(added.id as string)
    await begun.passed
    await until(hub, id, ({ status }) => status === 'running')
    expect(await hub.jobs.cancel(id)).toBe(true)
    cancelled.open()
    await completed
    const other = await queue.add('encode', { userId: '7' })
    await until(hub, jobId(other.id as string), ({ status }) => status === 'completed')
    const events = await history(hub, id)
    expect(typesOf(events).filter((type) => /completed|cancelled|failed/.test(type))).toEqual(['job.cancelled'])
    expect((await hub.jobs.snapshot(id))?.percent).toBeNull()
  })

  test('J10: a job without an owner is left out, and so is one whose owner cannot be told; the others go on', async () => {
    const { queue, work, bridge } = benchOf(redis.socket)
    const hub = await openHub()
    const { jobId } = await bridge(hub, {
      owner: ({ data }) => {
        if (data.broken) throw new Error('no such tenant')
        return data.userId ?? null
      },
    })
    work(async (job) => await job.updateProgress(1))
    const nobodys = await queue.add('encode', {})
    const broken = await queue.add('encode', { broken: true })
    const invalid = await queue.add('encode', { userId: 'white space' })
    const fine = await queue.add('encode', { userId: '7' })
    await history(hub, jobId(fine.id as string))
    for (const { id } of [nobodys, broken, invalid]) expect(await hub.jobs.snapshot(jobId(id as string))).toBe(null)
    expect(hub.errors).toHaveLength(2)
  })

  test('J10: a job that is run again after its end, or added again under its id, is a new job', async () => {
    const { queue, work, bridge } = benchOf(redis.socket)
    const hub = await openHub()
    const { jobId } = await bridge(hub)
    work(async (job) => {
      await job.log(`run ${job.attemptsMade + 1}`)
      if (job.attemptsMade === 0) throw new Error('once')
      return job.attemptsMade
    })
    const added = await queue.add('encode', { userId: '7' })
    const first = jobId(added.id as string)
    expect((await history(hub, first)).at(-1)?.type).toBe('job.failed')
    await (await queue.getJob(added.id as string))?.retry('failed')
    await expect.poll(() => jobId(added.id as string)).not.toBe(first)
    const second = jobId(added.id as string)
    const events = await history(hub, second)
    expect(events.at(-1)?.job).toMatchObject({ status: 'completed', retryOf: first, attempt: 1, result: 1 })
    const lines = linesOf(events)
    expect(lines).toEqual(['run 2'])
    expect((await hub.jobs.snapshot(first))?.status).toBe('failed')

    // What BullMQ removes at its end the bridge must have met before: nothing is left to tell whose it was.
    const options = { jobId: 'a.b', delay: 60_000, removeOnComplete: true, removeOnFail: true }
    const named = await queue.add('encode', { userId: '7' }, options)
    const third = jobId('a.b')
    await until(hub, third, () => true)
    await named.promote()
    expect((await history(hub, third)).at(-1)?.type).toBe('job.failed')
    const again = await queue.add('encode', { userId: '8' }, options)
    await expect.poll(() => jobId('a.b')).not.toBe(third)
    await again.promote()
    expect((await history(hub, jobId('a.b'))).at(-1)?.job.owner).toBe('user:8')
    expect(hub.errors).toEqual([])
  })

  test('J10: ids of queues and jobs that look alike when joined do not meet', () => {
    const ids = [
      bullMQJobId('a', 'b:c'),
      bullMQJobId('a:b', 'c'),
      bullMQJobId('a', 'b', 'x'),
      bullMQJobId('b', 'a', 'x'),
      bullMQJobId('a', 'b'),
    ]
    expect(new Set(ids).size).toBe(ids.length)
    for (const id of ids) expect(id).toMatch(/^bullmq-[\w-]{32}$/)
  })

  test('J10: a result or progress that a job cannot keep does not keep it from ending', async () => {
    const { queue, work, bridge } = benchOf(redis.socket)
    const hub = await openHub()
    const { jobId } = await bridge(hub)
    work(async (job) => {
      await job.updateProgress({ total: 2, processed: 1, blob: 'x'.repeat(10_000), message: 'y'.repeat(10_000) })
      await job.log('z'.repeat(50_000))
      return 'r'.repeat(40_000)
    })
    const added = await queue.add('encode', { userId: '7' })
    const end = (await history(hub, jobId(added.id as string))).at(-1)?.job as Job
    expect(end).toMatchObject({ status: 'completed', current: null, percent: 100 })
    expect(end.result).toBeUndefined()
    expect(end.message).toMatch(/^y+…$/)
    expect(hub.errors).toEqual([expect.objectContaining({ message: expect.stringContaining('32 KiB') })])
  })

  test('J10: options are checked by name', async () => {
    const { bridge } = benchOf(redis.socket)
    const hub = await openHub()
    const wrong: [Record<string, unknown>, string][] = [
      [{ owner: 'user:7' }, 'owner'],
      [{ leaseMs: 5 }, 'leaseMs'],
      [{ lookMs: 0 }, 'lookMs'],
      [{ queue: {} }, 'queue'],
      [{ hub: {} }, 'hub'],
      [{ every: 5 }, 'every'],
      [{ namespace: 'a b' }, 'namespace'],
      [{ progress: 5 }, 'progress'],
      [{ queue: { name: 'other', opts: {}, getJob: () => {} } }, 'queue'],
    ]
    for (const [options, field] of wrong) {
      await expect(bridge(hub, options as never), field).rejects.toMatchObject({ field })
    }
  })
})
