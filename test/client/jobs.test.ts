import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { type ClientOptions, createClient } from '#src/client/index.js'
import { toNodeHandler } from '#src/http/node.js'
import { createHub } from '#src/index.js'
import type { Job } from '#src/protocol/job.js'

/** A hub on a real socket, where whoever shows `as` is signed in, and clients of it. */
async function serve() {
  const hub = await createHub({
    jwt: { secret: 'a secret of at least thirty-two bytes' },
    authenticate: (request) => {
      const user = request.headers.get('as')
      return user ? { userId: user } : null
    },
  })
  const server = createServer(toNodeHandler(hub)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  onTestFinished(async () => {
    await hub.close({ drainMs: 0 })
    server.closeAllConnections()
    server.close()
  })
  const connect = (user: string | null, options: Partial<ClientOptions> = {}) => {
    const client = createClient({
      url,
      // Stands for a cookie, which goes along unless it is left out on purpose.
      fetch: (input, init) => {
        const cookie = user && init?.credentials !== 'omit' ? { as: user } : {}
        const headers = { ...Object.fromEntries(new Headers(init?.headers)), ...cookie }
        return fetch(input, { ...init, headers })
      },
      ...options,
    })
    onTestFinished(() => client.close())
    return client
  }
  return { hub, connect }
}

test('C1: jobs() lists the person’s jobs, newest first, and shows new ones and their progress as they come', async () => {
  const { hub, connect } = await serve()
  await hub.jobs.create({ id: 'old', owner: 'user:7', kind: 'crawl', total: 2 })
  await hub.jobs.create({ id: 'other', owner: 'user:8', kind: 'crawl' })
  const view = connect('7').jobs()
  expect(view.getSnapshot()).toBeNull()
  const told: (readonly Job[])[] = []
  view.subscribe((jobs) => told.push(jobs))
  const ids = () => view.getSnapshot()?.map(({ id }) => id)
  await expect.poll(ids).toEqual(['old'])
  await new Promise((resolve) => setTimeout(resolve, 2))
  await hub.jobs.create({ id: 'new', owner: 'user:7', kind: 'crawl' })
  await expect.poll(ids).toEqual(['new', 'old'])
  await hub.jobs.run('old', async (job) => void job.increment({ processed: 2 }))
  await expect.poll(() => view.getSnapshot()?.[1]).toMatchObject({ status: 'completed', percent: 100 })
  expect(told[0]?.map(({ id }) => id)).toEqual(['old'])
  expect(told.at(-1)).toBe(view.getSnapshot())
})

test('C1: whoever subscribes to a job is called with it, at each change', async () => {
  const { hub, connect } = await serve()
  const { job } = await hub.jobs.create({ owner: 'user:7', kind: 'crawl', total: 2 })
  const percents: (number | null)[] = []
  const undo = connect('7')
    .job(job.id)
    .subscribe(({ percent }) => percents.push(percent))
  await expect.poll(() => percents).toEqual([0])
  await hub.jobs.open(job.id).increment({ processed: 1 })
  await expect.poll(() => percents.at(-1)).toBe(50)
  await hub.jobs.run(job.id, async (running) => void running.increment({ processed: 1 }))
  await expect.poll(() => percents.at(-1)).toBe(100)
  expect(percents).toEqual(percents.toSorted((a, b) => Number(a) - Number(b)))
  undo()
})

test('A4: job(id, { token }) shows a job to whoever has its token and nothing else', async () => {
  const { hub, connect } = await serve()
  const { job, token } = await hub.jobs.create({ owner: 'user:7', kind: 'crawl', total: 2 })
  const client = connect(null)
  const view = client.job(job.id, { token })
  expect(client.job(job.id, { token })).toBe(view)
  view.subscribe(() => {})
  await expect.poll(() => view.getSnapshot()).toMatchObject({ status: 'queued' })
  await hub.jobs.run(job.id, async (running) => void running.increment({ processed: 2 }))
  await expect.poll(() => view.getSnapshot()).toMatchObject({ status: 'completed', percent: 100 })
  client.close()
  await expect.poll(() => hub.stats().connections).toBe(0)
})

test('A4: signed in as somebody who may not read it, the token is used for the job, and the rest goes on', async () => {
  const { hub, connect } = await serve()
  const { job, token } = await hub.jobs.create({ owner: 'user:7', kind: 'crawl', total: 2 })
  const client = connect('8')
  const got: unknown[] = []
  client.on('note', ({ data }) => got.push(data))
  await expect.poll(() => client.status.getSnapshot().status).toBe('connected')
  const view = client.job(job.id, { token })
  view.subscribe(() => {})
  await expect.poll(() => view.getSnapshot()).toMatchObject({ status: 'queued' })
  await hub.publish({ to: { users: ['8'] }, type: 'note', data: 'still here' })
  await expect.poll(() => got).toEqual(['still here'])
})
