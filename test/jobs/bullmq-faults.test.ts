import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type Store, TidingsError, memoryStore } from '#src/index.js'
import { redisStore } from '#src/store/redis.js'
import { noRedis, startRedis } from '../fixtures/redis.js'
import { benchOf, gate, history, linesOf, openHub, sqliteFile, until } from './bullmq-fixture.js'

describe.skipIf(noRedis !== null)(`BullMQ and faults${noRedis ? ` (${noRedis})` : ''}`, () => {
  let redis: Awaited<ReturnType<typeof startRedis>>
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis.stop())

  test('J10: what the stream has lost is taken from the jobs of the queue', async () => {
    const { queue, work, bridge } = benchOf(redis.socket)
    const openStore = await sqliteFile()
    const first = await openHub(openStore())
    const before = await bridge(first)
    const worker = work(async (job) => {
      await job.updateProgress(70)
      await job.log('kept')
      if (job.name === 'fails') throw new Error('no')
      return job.name
    })
    await worker.pause()
    const running = await queue.add('completes', { userId: '7' })
    const removed = await queue.add('removed', { userId: '7' })
    await until(first, before.jobId(running.id as string), () => true)
    await until(first, before.jobId(removed.id as string), () => true)
    await before.close()
    await first.close({ drainMs: 0 })

    await removed.remove()
    const failing = await queue.add('fails', { userId: '7' })
    const delayed = await queue.add('later', { userId: '7' }, { delay: 60_000 })
    await worker.resume()
    await expect.poll(() => queue.getJobCounts('completed', 'failed')).toEqual({ completed: 1, failed: 1 })
    await queue.trimEvents(0)

    const second = await openHub(openStore())
    const after = await bridge(second)
    const completed = await history(second, after.jobId(running.id as string))
    expect(completed.at(-1)?.job).toMatchObject({ status: 'completed', percent: 100, result: 'completes' })
    expect(linesOf(completed)).toEqual(['kept'])
    const failed = await history(second, after.jobId(failing.id as string))
    expect(failed.at(-1)?.job).toMatchObject({ status: 'failed', percent: 70 })
    expect((await until(second, after.jobId(delayed.id as string), () => true)).status).toBe('queued')
    const gone = await history(second, after.jobId(removed.id as string))
    expect(gone.at(-1)).toMatchObject({ type: 'job.failed', job: { error: { code: 'lost' } } })
  })

  test('J10: a stream that is trimmed under the reader loses history, and no job', async () => {
    const { queue, work, bridge } = benchOf(redis.socket, { streams: { events: { maxLen: 1 } } })
    const hub = await openHub()
    const { jobId } = await bridge(hub)
    work(
      async (job) => {
        for (let step = 1; step <= 5; step++) await job.updateProgress({ total: 5, processed: step })
        if (job.data.fails) throw new Error('no')
        return job.id
      },
      { concurrency: 50 },
    )
    const jobs = Array.from({ length: 300 }, (_, at) => ({
      name: 'encode',
      data: { userId: '7', fails: at % 7 === 0 },
    }))
    const added = await queue.addBulk(jobs)
    for (const { id, data } of added) {
      const endedAt = async (): Promise<unknown> => (await hub.jobs.snapshot(jobId(id as string)))?.endedAt ?? null
      await expect.poll(endedAt).not.toBeNull()
      const job = await hub.jobs.snapshot(jobId(id as string))
      expect(job).toMatchObject(data.fails ? { status: 'failed' } : { status: 'completed', result: id })
    }
    expect(hub.errors).toEqual([])
  })

  test('J10: jobs of a queue that was drained without a word do not wait for ever', async () => {
    const { queue, bridge } = benchOf(redis.socket)
    const hub = await openHub()
    const { jobId } = await bridge(hub, { lookMs: 50 })
    const added = await queue.add('encode', { userId: '7' })
    await until(hub, jobId(added.id as string), () => true)
    await queue.drain()
    const end = (await history(hub, jobId(added.id as string))).at(-1)
    expect(end).toMatchObject({ type: 'job.failed', job: { error: { code: 'lost' } } })
  })

  test('J10: while the queue cannot be reached nothing is lost', async () => {
    const own = await startRedis({ keeps: 'log' })
    onTestFinished(() => own.stop())
    const { queue, work, bridge } = benchOf(own.socket)
    const hub = await openHub()
    const { jobId } = await bridge(hub)
    const [begun, done] = [gate(), gate()]
    work(async (job) => {
      begun.open()
      await done.passed
      await job.updateProgress(99)
      return 'late'
    })
    const added = await queue.add('encode', { userId: '7' })
    const id = jobId(added.id as string)
    await begun.passed
    await until(hub, id, ({ status }) => status === 'running')
    await own.kill()
    // Over several looks of the bridge.
    await new Promise((resolve) => setTimeout(resolve, 500))
    await own.start()
    done.open()
    expect((await history(hub, id)).at(-1)?.job).toMatchObject({ status: 'completed', attempt: 1, result: 'late' })
  })

  test('S5, J10: while the store is away nothing is lost, and one failure is reported', async () => {
    const { queue, work, bridge } = benchOf(redis.socket)
    let isAway = false
    const store = new Proxy(memoryStore(), {
      get(target, name: keyof Store) {
        const member = target[name]
        if (!isAway || (name !== 'append' && name !== 'state')) return member
        return () => Promise.reject(new TidingsError('store_unavailable', 'The store is away.'))
      },
    })
    const hub = await openHub(store)
    const { jobId } = await bridge(hub, { onError: (error) => hub.errors.push(error), lookMs: 10_000 })
    const [begun, done] = [gate(), gate()]
    const worker = work(async (job) => {
      await job.log('begun')
      begun.open()
      await done.passed
      await job.log('late')
      return 'late'
    })
    const added = await queue.add('encode', { userId: '7' })
    await begun.passed
    await until(hub, jobId(added.id as string), ({ status }) => status === 'running')
    const completed = once(worker, 'completed')
    isAway = true
    done.open()
    await completed
    await expect.poll(() => hub.errors.length).toBe(1)
    isAway = false
    const events = await history(hub, jobId(added.id as string))
    expect(linesOf(events)).toEqual(['begun', 'late'])
    expect(events.at(-1)?.job).toMatchObject({ status: 'completed', result: 'late' })
    expect(hub.errors).toEqual([expect.objectContaining({ code: 'store_unavailable' })])
  })

  test('J10: an application’s mapping that throws or makes what no job takes costs its words, not an end nor other jobs', async () => {
    const { queue, work, bridge } = benchOf(redis.socket)
    const hub = await openHub()
    const errors: unknown[] = []
    const { jobId } = await bridge(hub, {
      lookMs: 50,
      onError: (error) => errors.push(error),
      error: (reason) => {
        if (reason === 'throws') throw new Error('the mapping')
        return { code: '', message: reason, retryable: false }
      },
      progress: (value) => {
        if (value === 1) throw new Error('the mapping')
        return { total: -1 }
      },
    })
    work(async (job) => {
      await job.updateProgress(1)
      await job.updateProgress(2)
      if (job.name !== 'works') throw new Error(job.name)
    })
    const added = await queue.addBulk(
      ['throws', 'refused', 'works'].map((name) => ({
        name,
        data: { userId: '7' },
        opts: { attempts: 2, backoff: 10 },
      })),
    )
    for (const { id, name } of added) {
      const events = await history(hub, jobId(id as string))
      const end = { status: 'failed', attempt: 2, error: { code: 'failed', message: 'The job failed.' } }
      expect(events.at(-1)?.job).toMatchObject(name === 'works' ? { status: 'completed' } : end)
    }
    expect(errors.length).toBeGreaterThan(0)
    expect(hub.errors).toEqual([])
  })

  test('J10: where the store was emptied, the jobs that the queue has come back', async () => {
    const own = await startRedis()
    onTestFinished(() => own.stop())
    const { queue, bridge } = benchOf(redis.socket)
    const hub = await openHub(redisStore({ url: own.url }))
    const { jobId } = await bridge(hub)
    const first = await queue.add('encode', { userId: '7' })
    await until(hub, jobId(first.id as string), () => true)
    await own.command('FLUSHALL')
    const second = await queue.add('encode', { userId: '7' })
    const exists = async (id: string | undefined): Promise<unknown> => await hub.jobs.snapshot(jobId(id as string))
    await expect.poll(() => exists(second.id)).toMatchObject({ status: 'queued' })
    await expect.poll(() => exists(first.id)).toMatchObject({ status: 'queued' })
  })
})
