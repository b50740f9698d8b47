import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { defineEvents } from '#src/declare.js'
import { readStream } from '#src/testing/sse-reader.js'
import { type TestHubOptions, testHub } from '#src/testing/test-hub.js'

async function start(options: TestHubOptions = {}) {
  const kit = await testHub(options)
  onTestFinished(() => kit.close())
  return kit
}

test('O7: a hub in memory, read as somebody, event by event', async () => {
  const { hub } = await start()
  const reader = await readStream(hub, { as: { userId: '7' }, topics: ['user:7'] })
  await hub.publish({ topic: 'user:7', type: 'notification', data: { title: 'Hi', level: 'info' } })
  expect(await reader.next()).toMatchObject({ type: 'notification', data: { title: 'Hi' } })
  await reader.close()
})

test('O7, J6: time passes when the test says so: a lease runs out, and nothing before', async () => {
  const { hub, clock } = await start()
  // A worker that is never heard of again: a handle in this process would keep its lease.
  const post = (path: string, body: unknown): Promise<Response> =>
    hub.fetch(
      new Request(`http://localhost${path}?userId=7`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    )
  await post('/jobs', { id: 'j', owner: 'user:7', kind: 'crawl', leaseMs: 30_000 })
  await post('/jobs/j/start', {})
  await clock.advance(29_000)
  expect((await hub.jobs.snapshot('j'))?.status).toBe('running')
  await clock.advance(3_000)
  expect(await hub.jobs.snapshot('j')).toMatchObject({ status: 'failed', error: { code: 'stalled' } })
})

test('O7, C2: a client on the same clock: cut off, it is back when its wait is over, and nothing is lost', async () => {
  const { hub, clock, client } = await start()
  const tidings = client({ as: { userId: '7' } })
  const heard: unknown[] = []
  tidings.on('notification', ({ data }) => heard.push(data))
  const status = (): string => tidings.status.getSnapshot().status
  while (status() !== 'connected') await clock.advance(0)
  const [open] = (await hub.connections.list()).connections
  await hub.connections.disconnect({ id: open?.id as string })
  while (status() === 'connected') await clock.advance(0)
  await hub.publish({ to: { users: ['7'] }, type: 'notification', data: 1 })
  expect(heard).toEqual([])
  for (let second = 0; heard.length === 0 && second < 60; second++) await clock.advance(1_000)
  expect(heard).toEqual([1])
})

test('O7, E2: declared events type its hub and its clients', async () => {
  const events = defineEvents({ 'report.updated': z.object({ rows: z.number() }) })
  const { hub, clock, client, close } = await testHub({ events })
  onTestFinished(close)
  const rows: number[] = []
  client({ as: { userId: '7' } }).on('report.updated', ({ data }) => rows.push(data.rows))
  while (hub.stats().connections === 0) await clock.advance(0)
  await hub.publish({ to: { users: ['7'] }, type: 'report.updated', data: { rows: 3 } })
  while (rows.length === 0) await clock.advance(0)
  expect(rows).toEqual([3])
  // @ts-expect-error rows is a number
  await expect(hub.publish({ topic: 'a', type: 'report.updated', data: { rows: 'three' } })).rejects.toThrow('rows')
})

test('O7: the same seed gives the same chances, another seed others', async () => {
  const retry = async (seed?: number): Promise<number | undefined> => {
    const { hub, clock } = await start(seed === undefined ? {} : { seed })
    const reader = await readStream(hub, { as: { userId: '7' } })
    while (reader.retryMs === undefined) await clock.advance(0)
    await reader.close()
    return reader.retryMs
  }
  expect(await retry()).toBe(await retry(1))
  expect(await retry(2)).not.toBe(await retry(1))
})

test('closing leaves no timer behind', async () => {
  const { hub, clock, client, close } = await testHub()
  client({ as: { userId: '7' } }).subscribe('user:7', { '*': () => {} })
  while (hub.stats().connections === 0) await clock.advance(0)
  await close()
  expect(clock.pending).toBe(0)
})
