import { describe, expect, test } from 'vitest'
import { memoryStore } from '#src/index.js'
import type { Job, JobAnswer } from '#src/protocol/job.js'
import { fakeClock } from '#src/testing/fake-clock.js'
import { startHub, type TestHub } from './server.js'

const of = (hub: TestHub) => ({
  create: (id: string, body: object = {}) =>
    hub.call<{ job: Job }>('/jobs', { body: { id, owner: 'user:7', kind: 'batch', ...body } }),
  add: (id: string, processed: number) =>
    hub.call<JobAnswer>(`/jobs/${id}`, { method: 'PATCH', body: { increment: { processed } } }),
  act: (id: string, action: string, body: object = {}) => hub.call<JobAnswer>(`/jobs/${id}/${action}`, { body }),
  read: async (id: string) => (await hub.call<Job>(`/jobs/${id}`)).body,
})
const error = { code: 'broken', message: 'It broke.', retryable: true }

describe('groups', () => {
  test('[P10.20] a parent sums its children as they publish and end, at every level; its percent never falls', async () => {
    const hub = await startHub()
    const jobs = of(hub)
    await jobs.create('p')
    const made = await jobs.create('c', { parent: 'p', total: 10, attempts: 2 })
    expect([made.status, made.body.job.parent]).toEqual([201, 'p'])
    await jobs.create('below', { parent: 'c', total: 10 })
    await jobs.add('c', 5)
    await jobs.add('below', 5)
    expect(await jobs.read('c')).toMatchObject({ counters: { processed: 10 }, total: 10, percent: 100 })
    expect(await jobs.read('p')).toMatchObject({ counters: { processed: 10 }, total: 10, percent: 100 })
    await jobs.create('late', { parent: 'p', total: 30 })
    expect(await jobs.read('p')).toMatchObject({ total: 40, percent: 100, status: 'running' })
    await jobs.act('c', 'fail', { error })
    expect(await jobs.read('p')).toMatchObject({ counters: { processed: 5 }, percent: 100 })
    await jobs.act('late', 'fail', { error })
    expect((await jobs.act('late', 'retry', { id: 'again' })).status).toBe(201)
    await jobs.add('again', 3)
    expect(await jobs.read('p')).toMatchObject({ counters: { processed: 8 }, total: 40 })
    await hub.call('/jobs/again', { method: 'DELETE' })
    expect(await jobs.read('p')).toMatchObject({ counters: { processed: 5 }, total: 10 })
  })

  test('[P10.21] a parent that cannot have the job is refused by its name, and so is who may not write it', async () => {
    const hub = await startHub()
    const jobs = of(hub)
    await jobs.create('hers', { owner: 'user:8' })
    await jobs.create('over')
    await jobs.act('over', 'cancel')
    for (const parent of ['nobody', 'hers', 'over']) {
      const { status, body } = await jobs.create('x', { parent })
      expect([status, body]).toEqual([400, expect.objectContaining({ code: 'job_invalid', field: 'parent' })])
    }
    await jobs.create('p')
    const worker = { userId: 'w', publish: ['job:mine'] }
    const body = { id: 'mine', owner: 'user:7', kind: 'batch', parent: 'p' }
    expect((await hub.call('/jobs', { as: worker, body })).status).toBe(403)
    const levels = ['l1', 'l2', 'l3', 'l4']
    for (const [at, id] of levels.entries())
      expect((await jobs.create(id, at === 0 ? {} : { parent: levels[at - 1] })).status).toBe(201)
    expect((await jobs.create('l5', { parent: 'l4' })).body).toMatchObject({ code: 'job_invalid', field: 'parent' })
  })

  test('[P10.22] a job does not stall while one below it is open, nor end after the last', async () => {
    const clock = fakeClock()
    const hub = await startHub({ store: memoryStore({ clock }), clock })
    const jobs = of(hub)
    await jobs.create('p')
    await jobs.create('c', { parent: 'p', leaseMs: 3_600_000 })
    await jobs.create('below', { parent: 'c' })
    await jobs.add('c', 1)
    for (let passedMs = 0; passedMs < 60_000; passedMs += 1_000) await clock.advance(1_000)
    expect((await jobs.read('p')).status).toBe('running')
    await jobs.create('q')
    await jobs.create('last', { parent: 'q' })
    await jobs.act('last', 'complete')
    expect((await jobs.read('q')).status).toBe('running')
    for (let passedMs = 0; passedMs < 32_000; passedMs += 1_000) await clock.advance(1_000)
    expect(await jobs.read('q')).toMatchObject({ status: 'failed', error: { code: 'stalled' } })
  })

  test('[P10.23] a cancel reaches all below, at every level; a completion does not', async () => {
    const hub = await startHub()
    const jobs = of(hub)
    for (const id of ['p', 'q']) await jobs.create(id)
    await jobs.create('c', { parent: 'p' })
    await jobs.create('below', { parent: 'c' })
    await jobs.create('goes-on', { parent: 'q' })
    await jobs.act('q', 'complete')
    await jobs.act('p', 'cancel')
    await expect.poll(async () => (await jobs.read('below')).status).toBe('cancelled')
    expect((await jobs.read('c')).status).toBe('cancelled')
    await jobs.add('goes-on', 1)
    expect((await jobs.read('goes-on')).status).toBe('running')
    expect(await jobs.read('q')).toMatchObject({ counters: {}, status: 'completed' })
  })
})
