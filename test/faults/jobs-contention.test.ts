import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createHub } from '#src/index.js'
import type { Job } from '#src/protocol/job.js'
import { redisStore } from '#src/store/redis.js'
import { faultProxy, seededRandom } from '#src/testing/index.js'
import { redisProxy } from '../fixtures/redis-proxy.js'
import { noRedis, redisForTest } from '../fixtures/redis.js'
import { JobsProcess } from './jobs-process.js'

const processes = 5
const callers = 10
const count = 60
const all = processes * callers * count
const seconds = (since: number): string => ((performance.now() - since) / 1000).toFixed(1)

async function hammered(where: object): Promise<number> {
  const workers = Array.from(
    { length: processes },
    () => new JobsProcess({ ...where, hammer: { id: 'hot', callers, count } }),
  )
  const ends = await Promise.all(workers.map((worker) => worker.says(({ ended }) => ended === 'hot')))
  await Promise.all(workers.map((worker) => worker.kill()))
  return Math.max(...ends.map(({ slowestMs }) => slowestMs ?? Number.NaN))
}

test.skipIf(noRedis)(
  'J2: fifty callers in five processes on one Redis, replies dropped: each increment counts once',
  async () => {
    const redis = await redisForTest()
    const proxy = await redisProxy(redis.port)
    onTestFinished(() => proxy.close())
    const hub = await createHub({ authenticate: () => null, store: redisStore({ url: redis.url }) })
    onTestFinished(() => hub.close({ drainMs: 0 }))
    await hub.jobs.create({ id: 'hot', owner: 'user:7', kind: 'sum', total: all })
    const random = seededRandom(11)
    let dropped = 0
    proxy.onReply = (_, { subscribes }) => {
      if (subscribes || random.fraction() > 0.06) return 'pass'
      dropped++
      return 'cut'
    }
    const began = performance.now()
    const slowestMs = await hammered({ redis: proxy.url })
    const job = (await hub.jobs.snapshot('hot')) as Job
    expect([job.status, job.counters.processed, job.percent]).toEqual(['running', all, 100])
    expect(dropped).toBeGreaterThan(5)
    console.log(
      `Redis: ${all} increments, ${dropped} replies dropped, ${seconds(began)} s, slowest ${Math.round(slowestMs)} ms`,
    )
  },
)

test('J2, J11: fifty callers in five processes over HTTP on one SQLite hub, replies dropped: each increment counts once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tidings-contention-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const hub = new JobsProcess({ serve: true, sqlite: join(folder, 'hub.db') })
  const url = await hub.url()
  const body = JSON.stringify({ id: 'hot', owner: 'user:7', kind: 'sum', total: all })
  await fetch(`${url}/jobs`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  const random = seededRandom(12)
  let dropped = 0
  const dropReply = (): boolean => {
    const drop = random.fraction() < 0.04
    if (drop) dropped++
    return drop
  }
  const proxy = await faultProxy({ port: Number(new URL(url).port), faults: { dropReply } })
  onTestFinished(() => proxy.close())
  const began = performance.now()
  const slowestMs = await hammered({ url: proxy.url })
  const job = (await (await fetch(`${url}/jobs/hot`)).json()) as Job
  expect([job.status, job.counters.processed, job.percent]).toEqual(['running', all, 100])
  expect(dropped).toBeGreaterThan(0)
  console.log(
    `HTTP: ${all} increments, ${dropped} replies dropped, ${seconds(began)} s, slowest ${Math.round(slowestMs)} ms`,
  )
})
