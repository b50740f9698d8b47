import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { createHub, type Hub } from '#src/index.js'
import { redisStore } from '#src/store/redis.js'
import { freePorts } from '../fixtures/free-port.js'
import { type RedisServer, redisForTest } from '../fixtures/redis.js'
import { JobsProcess } from './jobs-process.js'

export interface Pause {
  readonly leaseMs: number
  readonly pauseMs: number
  /** Between sweeps; a pause is told from two missed ones, which must be well below a lease. */
  readonly sweepMs: number
}

const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Healthy workers, two on the Redis itself and one over HTTP, each with a job that counts and a quiet one. */
async function atWork({ leaseMs, sweepMs }: Pause, shiftSeconds: readonly number[] = [0, 0, 0, 0]) {
  const redis = await redisForTest({ keeps: 'log' })
  const options = { sweepMs }
  const node = new JobsProcess({ serve: true, redis: redis.url, options }, shiftSeconds[0])
  const url = await node.url()
  const hub = await watching(redis, 3_600_000)
  const places = [{ redis: redis.url, options }, { redis: redis.url, options }, { url }]
  const workers: { counting: JobsProcess; quiet: JobsProcess; ids: readonly [string, string] }[] = []
  for (const [at, place] of places.entries()) {
    const ids = [`counting-${at}`, `quiet-${at}`] as const
    for (const id of ids) await hub.jobs.create({ id, owner: 'user:7', kind: 'crawl', leaseMs })
    const shift = shiftSeconds[at + 1]
    const counting = new JobsProcess({ ...place, work: [ids[0]], everyMs: 20 }, shift)
    const quiet = new JobsProcess({ ...place, work: [ids[1]], everyMs: 3_600_000 }, shift)
    workers.push({ counting, quiet, ids })
  }
  for (const { counting, quiet, ids } of workers) {
    await counting.says(({ running }) => running === ids[0])
    await quiet.says(({ running }) => running === ids[1])
  }
  return {
    redis,
    hub,
    node,
    workers,
    processes: [node, ...workers.flatMap((worker) => [worker.counting, worker.quiet])],
  }
}
type AtWork = Awaited<ReturnType<typeof atWork>>

/** A hub of the test itself. */
async function watching({ url }: RedisServer, sweepMs: number): Promise<Hub> {
  const hub = await createHub({ authenticate: () => null, store: redisStore({ url }), sweepMs, onError: () => {} })
  onTestFinished(() => hub.close({ drainMs: 0 }))
  return hub
}

/** For two more leases nothing stalls; then all that was counted is there, and each job completes. */
async function goOnHealthy({ workers, hub }: AtWork, { leaseMs }: Pause): Promise<void> {
  await later(2 * leaseMs)
  for (const { ids } of workers) {
    for (const id of ids)
      expect([id, await hub.jobs.snapshot(id)]).toEqual([
        id,
        expect.objectContaining({ status: 'running', attempt: 1 }),
      ])
  }
  for (const { counting, quiet, ids } of workers) {
    counting.finish()
    const { status, counted, processed } = await counting.says(({ ended }) => ended === ids[0])
    expect([ids[0], status, processed]).toEqual([ids[0], 'completed', counted])
    expect(counted).toBeGreaterThan(50)
    expect(counting.said.filter(({ aborted }) => aborted)).toEqual([])
    expect(quiet.said.filter(({ aborted }) => aborted)).toEqual([])
    await quiet.kill()
  }
}

/** Redis stops answering for longer than a lease, its sockets open. */
export async function redisPaused(pause: Pause): Promise<void> {
  const at = await atWork(pause)
  await later(pause.leaseMs / 2)
  at.redis.pause()
  await later(pause.pauseMs)
  at.redis.resume()
  await goOnHealthy(at, pause)
}

/** Redis is killed, and back with what it kept after longer than a lease. */
export async function redisRestarted(pause: Pause): Promise<void> {
  const at = await atWork(pause)
  await later(pause.leaseMs / 2)
  await at.redis.kill()
  await later(pause.pauseMs)
  await at.redis.start()
  await goOnHealthy(at, pause)
}

/** Every hub stands still for longer than a lease, the one that serves HTTP and those of workers; Redis does not. */
export async function hubsPaused(pause: Pause): Promise<void> {
  const at = await atWork(pause)
  await later(pause.leaseMs / 2)
  // The workers over HTTP live on, and find nobody.
  const hubs = [at.node, ...at.workers.slice(0, 2).flatMap(({ counting, quiet }) => [counting, quiet])]
  for (const hub of hubs) hub.pause()
  await later(pause.pauseMs)
  for (const hub of hubs) hub.resume()
  await goOnHealthy(at, pause)
}

/** Wall clocks are a minute apart, in both directions, between hubs and workers. */
export async function clocksApart(pause: Pause): Promise<void> {
  const at = await atWork(pause, [60, -60, 0, -60])
  const told = at.processes.map(({ said }) => said[0]?.now ?? 0)
  expect(Math.max(...told) - Math.min(...told)).toBeGreaterThan(110_000)
  await later(2 * pause.leaseMs)
  await goOnHealthy(at, pause)
}

/** The hub of a SQLite file is killed and comes back on the same port after longer than a lease, twice. */
export async function hubRestarted({ leaseMs, pauseMs, sweepMs }: Pause): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tidings-restart-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const hub = {
    serve: true,
    sqlite: join(folder, 'hub.db'),
    port: (await freePorts(1))[0] as number,
    options: { sweepMs },
  }
  const serving = new JobsProcess(hub)
  const url = await serving.url()
  for (const id of ['counting', 'quiet']) {
    const job = { id, owner: 'user:7', kind: 'crawl', leaseMs }
    await fetch(`${url}/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(job),
    })
  }
  const counting = new JobsProcess({ url, work: ['counting'], everyMs: 5 })
  const quiet = new JobsProcess({ url, work: ['quiet'], everyMs: 3_600_000 })
  await counting.says(({ running }) => running === 'counting')
  await quiet.says(({ running }) => running === 'quiet')
  let running = serving
  for (let restart = 0; restart < 2; restart++) {
    await later(leaseMs / 2)
    await running.kill()
    await later(pauseMs)
    running = new JobsProcess(hub)
    await running.url()
  }
  await later(2 * leaseMs)
  counting.finish()
  const { status, counted, processed } = await counting.says(({ ended }) => ended === 'counting')
  expect([status, processed]).toEqual(['completed', counted])
  const job = (await (await fetch(`${url}/jobs/quiet`)).json()) as { status: string }
  expect(job.status).toBe('running')
}
