import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { redisStore } from '#src/store/redis.js'
import { noRedis, startRedis } from '../fixtures/redis.js'
import { benchOf, gate, history, linesOf, openHub, sqliteFile, typesOf, until } from './bullmq-fixture.js'

/** A process that is gone at the end of the test. */
function start(file: string, options: object) {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), [JSON.stringify(options)])
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  onTestFinished(kill)
  return { child, kill, said: once(child, 'message') }
}

describe.skipIf(noRedis !== null)(`BullMQ and restarts${noRedis ? ` (${noRedis})` : ''}`, () => {
  let redis: Awaited<ReturnType<typeof startRedis>>
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis.stop())

  test('J10: what happens while the hub is away is told when it is back, whole and once', async () => {
    const { queue, work, bridge } = benchOf(redis.socket)
    const openStore = await sqliteFile()
    const first = await openHub(openStore())
    const before = await bridge(first)
    const [begun, away] = [gate(), gate()]
    work(
      async (job) => {
        await job.log('begun')
        await job.updateProgress(30)
        begun.open()
        if (job.name === 'long') await away.passed
        if (job.attemptsMade === 0 && job.opts.attempts === 2) throw new Error('once')
        await job.log('more')
        await job.updateProgress(90)
        return job.name
      },
      { concurrency: 5 },
    )
    const long = await queue.add('long', { userId: '7' }, { attempts: 2 })
    const id = before.jobId(long.id as string)
    await begun.passed
    await until(first, id, ({ percent }) => percent === 30)
    await before.close()
    await first.close({ drainMs: 0 })

    const meanwhile = await queue.add('meanwhile', { userId: '7' })
    const waiting = await queue.add('waiting', { userId: '7' }, { delay: 60_000 })
    away.open()
    await expect.poll(() => queue.getCompletedCount()).toBe(2)

    const second = await openHub(openStore())
    const after = await bridge(second)
    const events = await history(second, id)
    expect(typesOf(events).filter((type) => type !== 'job.progress' && type !== 'job.log')).toEqual([
      'job.created',
      'job.started',
      'job.retrying',
      'job.started',
      'job.completed',
    ])
    expect(linesOf(events)).toEqual(['begun', 'begun', 'more'])
    expect(events.at(-1)?.job).toMatchObject({ attempt: 2, percent: 100, result: 'long' })
    const other = await history(second, after.jobId(meanwhile.id as string))
    expect(other.at(-1)?.job).toMatchObject({ status: 'completed', result: 'meanwhile' })
    expect(linesOf(other)).toEqual(['begun', 'more'])
    await until(second, after.jobId(waiting.id as string), ({ stage }) => stage === 'delayed')
    expect([...first.errors, ...second.errors]).toEqual([])
  })

  test('J10: a hub that is killed at any moment loses nothing and says nothing twice', async () => {
    const { queue, work, bridge } = benchOf(redis.socket)
    const openStore = await sqliteFile()
    const steps = 40
    work(
      async (job) => {
        for (let step = 1; step <= steps; step++) {
          await job.log(`step ${step}`)
          await job.updateProgress({ total: steps, processed: step })
          await new Promise((resolve) => setTimeout(resolve, 5)) // Work: long enough for several hubs to die meanwhile.
        }
        return steps
      },
      { concurrency: 10 },
    )
    const added = await queue.addBulk(Array.from({ length: 10 }, () => ({ name: 'encode', data: { userId: '7' } })))
    for (let deaths = 0; deaths < 3; deaths++) {
      const hub = start('./bullmq-hub.mjs', { name: queue.name, path: redis.socket, file: openStore.path })
      await hub.said
      await new Promise((resolve) => setTimeout(resolve, 60)) // In the middle of something.
      await hub.kill()
    }
    const hub = await openHub(openStore())
    const { jobId } = await bridge(hub)
    for (const { id } of added) {
      const events = await history(hub, jobId(id as string))
      expect(linesOf(events)).toEqual(Array.from({ length: steps }, (_, step) => `step ${step + 1}`))
      const counted = events.map(({ job }) => job.counters?.processed ?? 0).filter((count) => count > 0)
      expect(counted).toEqual([...counted].sort((one, other) => one - other))
      expect(events.at(-1)).toMatchObject({ type: 'job.completed', job: { counters: { processed: steps } } })
      expect(typesOf(events).filter((type) => /created|started|completed/.test(type))).toHaveLength(3)
    }
  })

  test('J6, J10: a worker that is killed: the job is queued again, and its next run completes it', async () => {
    const { queue, work, bridge } = benchOf(redis.socket)
    const hub = await openHub()
    const { jobId } = await bridge(hub)
    const worker = start('./bullmq-worker.mjs', { name: queue.name, path: redis.socket })
    const added = await queue.add('encode', { userId: '7' })
    const id = jobId(added.id as string)
    await worker.said
    await until(hub, id, ({ percent }) => percent === 50)
    await worker.kill()
    const killedAt = performance.now()
    work(async () => 'at last', { stalledInterval: 200, lockDuration: 500 })
    const events = await history(hub, id)
    const retrying = events.find(({ type }) => type === 'job.retrying')
    expect(retrying?.job).toMatchObject({ attempt: 2, status: 'queued', error: { code: 'stalled' } })
    expect(events.at(-1)?.job).toMatchObject({ status: 'completed', attempt: 2, attempts: 2, result: 'at last' })
    console.log(`a killed worker's job was done again after ${Math.round(performance.now() - killedAt)} ms`)
  })

  test('J6, J10: a worker that is killed once too often: the job fails as stalled', async () => {
    const { queue, work, bridge } = benchOf(redis.socket)
    const hub = await openHub()
    const { jobId } = await bridge(hub)
    const worker = start('./bullmq-worker.mjs', { name: queue.name, path: redis.socket })
    const added = await queue.add('encode', { userId: '7' })
    await worker.said
    await worker.kill()
    work(async () => 'never', { stalledInterval: 200, lockDuration: 500, maxStalledCount: 0 })
    const end = (await history(hub, jobId(added.id as string))).at(-1)
    expect(end).toMatchObject({ type: 'job.failed', job: { error: { code: 'stalled', retryable: false } } })
  })

  test('J10: two nodes that run the bridge side by side tell everything once', async () => {
    const { queue, work, bridge } = benchOf(redis.socket)
    const prefix = `two-${queue.name}:`
    const hubs = [
      await openHub(redisStore({ url: redis.url, prefix })),
      await openHub(redisStore({ url: redis.url, prefix })),
    ] as const
    const bridges = [await bridge(hubs[0]), await bridge(hubs[1])] as const
    work(
      async (job) => {
        if (job.attemptsMade === 0 && job.data.fails) throw new Error('once')
        for (let step = 1; step <= 10; step++) {
          await job.log(`step ${step}`)
          await job.updateProgress({ total: 10, processed: step })
        }
        return job.id
      },
      { concurrency: 10 },
    )
    const jobs = Array.from({ length: 30 }, (_, at) => ({
      name: 'encode',
      data: { userId: String(at % 3), fails: at % 2 === 0 },
      opts: { attempts: 2 },
    }))
    const added = await queue.addBulk(jobs)
    for (const { id, data } of added) {
      const events = await history(hubs[1], bridges[0].jobId(id as string))
      expect(linesOf(events)).toEqual(Array.from({ length: 10 }, (_, step) => `step ${step + 1}`))
      expect(typesOf(events).filter((type) => type === 'job.completed')).toHaveLength(1)
      expect(typesOf(events).filter((type) => type === 'job.retrying')).toHaveLength(data.fails ? 1 : 0)
      expect(events.at(-1)?.job).toMatchObject({ attempt: data.fails ? 2 : 1, result: id })
    }
    expect([...hubs[0].errors, ...hubs[1].errors]).toEqual([])
  })

  test('J6, J10: a healthy long job does not stall: its lease is renewed while the queue has it', async () => {
    const { queue, work, bridge } = benchOf(redis.socket)
    const hub = await openHub()
    const { jobId } = await bridge(hub, { leaseMs: 10_000 })
    const [begun, done] = [gate(), gate()]
    work(async () => {
      begun.open()
      await done.passed
    })
    const added = await queue.add('encode', { userId: '7' })
    const id = jobId(added.id as string)
    await begun.passed
    await until(hub, id, ({ status }) => status === 'running')
    const leasedAt = async (): Promise<number> => {
      const { state } = await hub.internals.core.store.state('default', `job:${id}`)
      return (JSON.parse(state?.value ?? '{}') as { leasedAt: number }).leasedAt
    }
    const first = await leasedAt()
    await expect.poll(leasedAt).toBeGreaterThan(first + 3_000)
    done.open()
    expect((await history(hub, id)).at(-1)?.type).toBe('job.completed')
  })

  test('J10: a bridge that is closed leaves nothing open', async () => {
    const { queue, work, bridge } = benchOf(redis.socket)
    const hub = await openHub()
    const it = await bridge(hub)
    work(async (job) => await job.updateProgress(5))
    const added = await queue.add('encode', { userId: '7' })
    await history(hub, it.jobId(added.id as string))
    const clients = async (): Promise<number> => {
      const list = (await redis.command('CLIENT', 'LIST')) as string
      return list.split('\n').filter((line) => line.includes('cmd=xread')).length
    }
    expect(await clients()).toBeGreaterThan(0)
    await it.close()
    await it.close()
    await expect.poll(clients).toBe(0)
    expect(hub.errors).toEqual([])
  })
})
