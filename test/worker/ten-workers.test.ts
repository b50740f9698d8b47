import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { toNodeHandler } from '#src/http/node.js'
import { createHub, type Hub } from '#src/index.js'
import { isTerminalType } from '#src/protocol/job.js'
import { sqliteStore } from '#src/store/sqlite.js'
import type { Store } from '#src/store/store.js'
import { type FaultProxy, faultProxy, seededRandom } from '#src/testing/index.js'
import { connectJobs } from '#src/worker/index.js'
import { eventsAfter, jobsOf } from '../jobs/engine-fixture.js'

const secret = 'only for this test, and long enough for HS256'
const workers = 10
const each = 1_000

describe('ten worker processes over HTTP, replies lost on purpose', () => {
  const children: ChildProcess[] = []
  let folder: string
  let store: Store
  let hub: Hub
  let server: ReturnType<typeof createServer>
  let proxy: FaultProxy
  let lost = 0

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidings-workers-'))
    store = sqliteStore(join(folder, 'hub.db'))
    hub = await createHub({ store, jwt: { secret } })
    server = createServer(toNodeHandler(hub)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const random = seededRandom(7)
    proxy = await faultProxy({
      port: (server.address() as AddressInfo).port,
      faults: {
        dropReply: () => {
          const drop = random.fraction() < 0.04
          if (drop) lost++
          return drop
        },
      },
    })
  })

  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL')
    await proxy.close()
    await hub.close({ drainMs: 0 })
    server.closeAllConnections()
    server.close()
    await rm(folder, { recursive: true })
  })

  const workerToken = (): Promise<string> =>
    new SignJWT({ tidings: { publish: ['job:*'], subscribe: ['job:*'] } })
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject('worker')
      .setExpirationTime('1h')
      .sign(new TextEncoder().encode(secret))

  test('J2, J3, J11: the sum of 10,000 increments is exact, one completes, there is one terminal event', async () => {
    const token = await workerToken()
    const { job } = await hub.jobs.create({ owner: 'user:7', kind: 'sum', total: workers * each })
    const startedAt = performance.now()
    const file = fileURLToPath(new URL('increment.mjs', import.meta.url))
    const reports = Array.from({ length: workers }, (_, at) => {
      const child = fork(file, [proxy.url, token, job.id, `worker-${at}`, String(each)])
      children.push(child)
      return report<{ accepted: number; requests: number }>(child)
    })
    const counted = await Promise.all(reports)
    const seconds = (performance.now() - startedAt) / 1_000
    expect(counted.map(({ accepted }) => accepted)).toEqual(Array.from({ length: workers }, () => each))
    expect(await hub.jobs.snapshot(job.id)).toMatchObject({
      counters: { processed: workers * each },
      status: 'running',
    })
    expect(lost).toBeGreaterThan(20)

    const ends = children.map((child) => report<{ won: boolean }>(child))
    for (const child of children) child.send('complete')
    const winners = (await Promise.all(ends)).filter(({ won }) => won)
    const events = await eventsAfter(store, `job:${job.id}`)
    const jobs = jobsOf(events)
    expect(winners).toHaveLength(1)
    expect(events.filter(({ type }) => isTerminalType(type))).toHaveLength(1)
    expect(events.at(-1)).toMatchObject({
      type: 'job.completed',
      data: { percent: 100, counters: { processed: workers * each } },
    })
    expect(jobs.map(({ percent }) => percent)).toEqual(
      jobs.map(({ percent }) => percent).sort((a, b) => (a ?? 0) - (b ?? 0)),
    )
    const requests = counted.reduce((sum, { requests: own }) => sum + own, 0)
    console.log(
      `ten workers: ${workers * each} increments in ${requests} requests, ${lost} replies lost, ${events.length} events, ${seconds.toFixed(1)} s`,
    )
  }, 180_000)

  test('control: were each try a command of its own, the same losses would count twice', async () => {
    const token = await workerToken()
    const { job } = await hub.jobs.create({ owner: 'user:7', kind: 'control' })
    let tries = 0
    const forgetful: typeof fetch = (url, init) =>
      fetch(url, { ...init, body: JSON.stringify({ ...JSON.parse(String(init?.body)), id: `try-${tries++}` }) })
    const jobs = connectJobs({ url: proxy.url, getToken: () => token, fetch: forgetful })
    const handle = jobs.open(job.id)
    for (let nth = 0; nth < 200; nth++) await handle.increment({ processed: 1 })
    handle.close()
    expect((await hub.jobs.snapshot(job.id))?.counters.processed).toBeGreaterThan(200)
  }, 180_000)
})

/** The next message of a worker; a worker that dies first is a failure. */
async function report<Report>(child: ChildProcess): Promise<Report> {
  // After all that it said, which its exit may overtake.
  const died = once(child, 'disconnect').then(() => Promise.reject(new Error(`A worker ended with ${child.exitCode}`)))
  died.catch(() => {})
  const [message] = await Promise.race([once(child, 'message'), died])
  return message as Report
}
