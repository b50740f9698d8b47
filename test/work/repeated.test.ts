import { expect, test } from 'vitest'
import { createHub } from '#src/index.js'

test('D3, J2: a command id of one’s own may be repeated by the same handle and by another one, and counts once', async () => {
  const hub = await createHub({ development: true })
  const { job } = await hub.jobs.create({ owner: 'user:7', kind: 'crawl' })
  expect(await job.increment({ processed: 1 }, { id: 'page-1' })).toBe(true)
  expect(await job.increment({ processed: 1 }, { id: 'page-1' })).toBe(true)
  const other = hub.jobs.open(job.id)
  expect(await other.increment({ processed: 1 }, { id: 'page-1' })).toBe(true)
  expect((await hub.jobs.snapshot(job.id))?.counters.processed).toBe(1)
  await expect(other.increment({ processed: 2 }, { id: 'page-1' })).rejects.toMatchObject({ code: 'id_reused' })
  job.close()
  other.close()
  await hub.close({ drainMs: 0 })
})

test('J2: what was not waited for is merged only as far as a request can carry it, and nothing is lost', async () => {
  const hub = await createHub({ development: true })
  const { job } = await hub.jobs.create({ owner: 'user:7', kind: 'crawl' })
  const sent: Promise<boolean>[] = []
  for (let index = 0; index < 50; index++) sent.push(job.increment({ n: 1 }))
  for (let index = 0; index < 10; index++) sent.push(job.publish('page.done', 'x'.repeat(60_000)))
  for (let index = 0; index < 100; index++) sent.push(job.log('info', 'y'.repeat(4_000), { z: 'z'.repeat(3_900) }))
  expect((await Promise.all(sent)).every(Boolean)).toBe(true)
  expect((await hub.jobs.snapshot(job.id))?.counters.n).toBe(50)
  job.close()
  await hub.close({ drainMs: 0 })
})
