import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createHub, type Hub } from '#src/index.js'
import { isTerminalType } from '#src/protocol/job.js'
import { redisStore } from '#src/store/redis.js'
import { noRedis, redisForTest } from '../fixtures/redis.js'
import { JobsProcess } from './jobs-process.js'

const leaseMs = 2_000
/** A dead job ends within its lease and a second (J6); what is left is for a machine that does other things too. */
const limitMs = leaseMs + 10_000

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'tidings-jobs-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

/** A hub of this process on the same Redis, to look on and to cancel. */
async function onRedis(url: string): Promise<Hub> {
  const hub = await createHub({ authenticate: () => null, store: redisStore({ url }), sweepMs: 3_600_000 })
  onTestFinished(() => hub.close({ drainMs: 0 }))
  return hub
}

/** Resolves with when the job's end was heard, and how many ends there are. */
async function endOf(hub: Hub, id: string, since: string): Promise<number> {
  for await (const event of hub.subscribe([`job:${id}`], { since })) {
    if (isTerminalType(event.type)) return performance.now()
  }
  throw new Error('the hub was closed')
}

async function endsIn(hub: Hub, id: string): Promise<string[]> {
  const types: string[] = []
  await hub.publish({ topic: 'mark', type: 'mark', data: id })
  for await (const event of hub.subscribe([`job:${id}`, 'mark'], { since: 'start' })) {
    if (event.type === 'mark' && event.data === id) return types.filter(isTerminalType)
    types.push(event.type)
  }
  return types
}

describe.skipIf(noRedis)('jobs that nobody works on any more, on Redis', () => {
  test('J6: the worker killed, and the node it spoke to: a node that is left ends the job with stalled, once, in time', async () => {
    const redis = await redisForTest()
    const watcher = await onRedis(redis.url)
    const first = new JobsProcess({ serve: true, redis: redis.url })
    const others = [
      new JobsProcess({ serve: true, redis: redis.url }),
      new JobsProcess({ serve: true, redis: redis.url }),
    ]
    await Promise.all(others.map((other) => other.url()))
    const tookMs: number[] = []
    for (let round = 0; round < 2; round++) {
      const id = `killed-${round}`
      await watcher.jobs.create({ id, owner: 'user:7', kind: 'crawl', leaseMs })
      const { cursor = 'start' } = (await watcher.jobs.snapshot(id)) ?? {}
      const worker = new JobsProcess(
        round === 0
          ? { url: await first.url(), work: [id] }
          : { redis: redis.url, work: [id], options: { sweepMs: 600_000 } },
      )
      await worker.says(({ running }) => running === id)
      // Longer than a lease: it was renewed by what the worker said.
      await new Promise((resolve) => setTimeout(resolve, leaseMs + 500))
      const ended = endOf(watcher, id, cursor)
      const killedAt = performance.now()
      await worker.kill()
      if (round === 0) await first.kill()
      tookMs.push((await ended) - killedAt)
      expect(await watcher.jobs.snapshot(id)).toMatchObject({
        status: 'failed',
        error: { code: 'stalled', retryable: true },
      })
      expect(await endsIn(watcher, id)).toEqual(['job.failed'])
    }
    console.log(`SIGKILL to stalled, lease ${leaseMs} ms: ${tookMs.map(Math.round).join(', ')} ms`)
    expect(Math.max(...tookMs)).toBeLessThan(limitMs)
  })

  test('J6: killed with attempts left it is queued again, once, and a worker that comes runs the next attempt', async () => {
    const redis = await redisForTest()
    const watcher = await onRedis(redis.url)
    for (let node = 0; node < 2; node++) await new JobsProcess({ serve: true, redis: redis.url }).url()
    const id = 'again'
    await watcher.jobs.create({ id, owner: 'user:7', kind: 'crawl', leaseMs, attempts: 2 })
    const paused = new JobsProcess({ redis: redis.url, work: [id], options: { sweepMs: 600_000 } })
    await paused.says(({ running }) => running === id)
    paused.pause()
    for await (const { type } of watcher.subscribe([`job:${id}`], { since: 'start' }))
      if (type === 'job.retrying') break
    const next = new JobsProcess({ redis: redis.url, work: [id] })
    await next.says(({ running }) => running === id)
    // The first one comes back and believes that it still works on the job.
    paused.resume()
    expect((await paused.says(({ aborted }) => aborted === id)).code).toBe('job_fenced')
    next.finish()
    const { counted, processed } = await next.says(({ ended }) => ended === id)
    expect(processed).toBe(counted)
    expect(await watcher.jobs.snapshot(id)).toMatchObject({ status: 'completed', attempt: 2 })
    const types: string[] = []
    for await (const { type } of watcher.subscribe([`job:${id}`], { since: 'start' })) {
      types.push(type)
      if (isTerminalType(type)) break
    }
    expect(types.filter((type) => type === 'job.retrying')).toHaveLength(1)
  })

  test('J6: a job that nobody starts expires, once, with three nodes that look', async () => {
    const redis = await redisForTest()
    const watcher = await onRedis(redis.url)
    for (let node = 0; node < 3; node++) await new JobsProcess({ serve: true, redis: redis.url }).url()
    const ids = Array.from({ length: 50 }, (_, nth) => `never-${nth}`)
    for (const id of ids) await watcher.jobs.create({ id, owner: 'user:7', kind: 'crawl', startWithinMs: 1_000 })
    await expect
      .poll(async () => (await watcher.jobs.list({ owner: 'user:7', status: 'failed' })).jobs.length)
      .toBe(ids.length)
    for (const id of ids.slice(0, 5)) expect(await endsIn(watcher, id)).toEqual(['job.failed'])
    expect(await watcher.jobs.snapshot('never-0')).toMatchObject({ error: { code: 'expired' } })
  })

  test('J6: a cancel reaches the signal of a worker on another machine within a second, with a hub of its own and over HTTP', async () => {
    const redis = await redisForTest()
    const watcher = await onRedis(redis.url)
    const node = new JobsProcess({ serve: true, redis: redis.url })
    const tookMs: number[] = []
    for (const where of [{ redis: redis.url }, { url: await node.url() }]) {
      // Quiet, so that no command of its own shows it.
      const ids = ['a', 'b', 'c'].map((name) => `${name}-${'url' in where}`)
      for (const id of ids) await watcher.jobs.create({ id, owner: 'user:7', kind: 'crawl' })
      const worker = new JobsProcess({ ...where, work: ids, everyMs: 3_600_000 })
      for (const id of ids) {
        await worker.says(({ running }) => running === id)
        const cancelledAt = performance.now()
        expect(await watcher.jobs.cancel(id)).toBe(true)
        expect((await worker.says(({ aborted }) => aborted === id)).code).toBe('job_ended')
        tookMs.push(performance.now() - cancelledAt)
        expect((await worker.says(({ ended }) => ended === id)).status).toBe('cancelled')
      }
    }
    console.log(`cancel to AbortSignal in another process: ${tookMs.map(Math.round).join(', ')} ms`)
    expect(Math.min(...tookMs)).toBeLessThan(1_000)
    expect(Math.max(...tookMs)).toBeLessThan(10_000)
  })
})

test('J6: on SQLite a worker over HTTP that is killed leaves a job that ends with stalled, in time', async () => {
  const node = new JobsProcess({ serve: true, sqlite: join(await folder(), 'hub.db') })
  const url = await node.url()
  const call = async (path: string, body?: object) => {
    const init = body && { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
    return (await (await fetch(url + path, init)).json()) as { status: string; error?: { code: string } }
  }
  await call('/jobs', { id: 'j', owner: 'user:7', kind: 'crawl', leaseMs })
  const worker = new JobsProcess({ url, work: ['j'] })
  await worker.says(({ running }) => running === 'j')
  await new Promise((resolve) => setTimeout(resolve, leaseMs + 500))
  expect((await call('/jobs/j')).status).toBe('running')
  const killedAt = performance.now()
  await worker.kill()
  let job = await call('/jobs/j')
  while (job.status === 'running') {
    await new Promise((resolve) => setTimeout(resolve, 20))
    job = await call('/jobs/j')
  }
  expect(job).toMatchObject({ status: 'failed', error: { code: 'stalled' } })
  expect(performance.now() - killedAt).toBeLessThan(limitMs)
})
