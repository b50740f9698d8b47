import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { toNodeHandler } from '#src/http/node.js'
import { createHub, type Hub } from '#src/index.js'
import { connectJobs } from '#src/worker/index.js'

const secret = 'only for this test, and long enough for HS256'

describe('jobs over HTTP', () => {
  let hub: Hub
  let server: Server
  let url: string
  const errors: unknown[] = []
  const connect = async (grants: object = { publish: ['job:*'], subscribe: ['job:*', 'jobs:*'] }) => {
    const token = await new SignJWT({ tidings: grants })
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject('worker')
      .setExpirationTime('1h')
      .sign(new TextEncoder().encode(secret))
    return { token, jobs: connectJobs({ url, getToken: () => token, onError: (error) => errors.push(error) }) }
  }

  beforeAll(async () => {
    hub = await createHub({ jwt: { secret } })
    server = createServer(toNodeHandler(hub)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterAll(async () => {
    await hub.close({ drainMs: 0 })
    server.closeAllConnections()
    server.close()
  })

  test('J11: create, run, list and snapshot read as in the hub’s process', async () => {
    const { jobs } = await connect()
    const { job, token } = await jobs.create({ owner: 'user:7', kind: 'crawl', total: 4 })
    expect(token).toBeTypeOf('string')
    const ended = await jobs.run(job.id, async (running) => {
      for (let page = 0; page < 4; page++) void running.increment({ processed: 1 })
      await running.log('info', 'all pages read')
      return { pages: 4 }
    })
    expect(ended).toMatchObject({ status: 'completed', counters: { processed: 4 }, result: { pages: 4 } })
    expect(await jobs.snapshot(job.id)).toEqual({ ...(await hub.jobs.snapshot(job.id)) })
    expect(await jobs.snapshot('nobody')).toBeNull()
    expect((await jobs.list({ owner: 'user:7', status: 'completed' })).jobs.map(({ id }) => id)).toContain(job.id)
    await expect(jobs.open('nobody').increment({ processed: 1 })).rejects.toMatchObject({ code: 'not_found' })
  })

  test('D3: a creation sent again with its id is the same job', async () => {
    const { jobs } = await connect()
    const given = { id: 'once', owner: 'user:7', kind: 'crawl' }
    await jobs.create(given)
    expect((await jobs.create(given)).job.id).toBe('once')
    await expect(jobs.create({ ...given, kind: 'other' })).rejects.toMatchObject({ code: 'id_reused' })
  })

  test('J6: a cancel in the hub fires the signal of a worker that says nothing', async () => {
    const { jobs } = await connect()
    const { job } = await hub.jobs.create({ owner: 'user:7', kind: 'crawl' })
    const cancelledAt: number[] = []
    const ended = await jobs.run(job.id, async (_, signal) => {
      const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      cancelledAt.push(performance.now())
      expect(await hub.jobs.cancel(job.id)).toBe(true)
      await aborted
      cancelledAt.push(performance.now())
    })
    expect(ended.status).toBe('cancelled')
    expect((cancelledAt[1] ?? Number.NaN) - (cancelledAt[0] ?? 0)).toBeLessThan(10_000)
  })

  test('A4: without the grant a job is unknown, and creating is forbidden', async () => {
    const { jobs } = await connect({})
    const { job } = await hub.jobs.create({ owner: 'user:7', kind: 'crawl' })
    expect(await jobs.snapshot(job.id)).toBeNull()
    await expect(jobs.run(job.id, () => 1)).rejects.toMatchObject({ code: 'not_found' })
    await expect(jobs.create({ owner: 'user:7', kind: 'crawl' })).rejects.toMatchObject({ code: 'forbidden' })
  })

  test('a worker process ends by itself when its job has ended', async () => {
    const { token } = await connect()
    const { job } = await hub.jobs.create({ owner: 'user:7', kind: 'crawl' })
    const program = `import { connectJobs } from '#src/worker/index.js'
      const jobs = connectJobs({ url: '${url}', getToken: () => '${token}' })
      const ended = await jobs.run('${job.id}', async (job) => { await job.increment({ processed: 1 }); return 'done' })
      console.log(ended.status)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let said = ''
    child.stdout.on('data', (chunk) => {
      said += chunk
    })
    // Once all that it said has been heard.
    expect(await once(child, 'close')).toEqual([0, null])
    expect(said).toBe('completed\n')
  })

  test('a wrong url is refused by name', () => {
    expect(() => connectJobs({ url: '/tidings' })).toThrow(
      expect.objectContaining({ code: 'option_invalid', field: 'url' }),
    )
  })

  test('nothing failed unseen', () => {
    expect(errors.filter((error) => (error as { code?: string }).code !== 'not_found')).toEqual([])
  })
})
