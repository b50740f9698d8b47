import { describe, expect, test } from 'vitest'
import { memoryStore } from '#src/index.js'
import type { Job, JobAnswer } from '#src/protocol/job.js'
import { fakeClock } from '#src/testing/fake-clock.js'
import { type Call, startHub } from './server.js'

const failure = { code: 'broken', message: 'It broke.', retryable: true }

async function start() {
  const clock = fakeClock()
  const hub = await startHub({ clock, store: memoryStore({ clock }) })
  return {
    clock,
    hub,
    create: (body: object) => hub.call<{ job: Job }>('/jobs', { body: { owner: 'user:7', kind: 'crawl', ...body } }),
    act: (id: string, action: string, body: object = {}) => hub.call<JobAnswer>(`/jobs/${id}/${action}`, { body }),
    patch: (id: string, body: object) => hub.call<JobAnswer>(`/jobs/${id}`, { method: 'PATCH', body }),
    retry: (id: string, body: object = {}, call: Call = {}) =>
      hub.call<{ job: Job; token: string }>(`/jobs/${id}/retry`, { body, ...call }),
    events: async (id: string) => (await hub.poll(`topic=job:${id}&since=start`)).body.events,
  }
}

describe('attempts', () => {
  test('[P10.15] a failure and a stall with attempts left queue the job again; the last one ends it', async () => {
    const { clock, create, act, patch, events } = await start()
    const made = await create({ id: 'j', total: 9, counters: { discovered: 4 }, attempts: 3 })
    expect(made.body.job).toMatchObject({ attempt: 1, attempts: 3 })
    await patch('j', { increment: { processed: 5 }, set: { stage: 'pages' } })
    expect((await act('j', 'fail', { error: failure })).body).toMatchObject({
      accepted: true,
      job: { status: 'queued', attempt: 2, counters: { discovered: 4 }, stage: null, error: failure },
    })
    const running = (await patch('j', { attempt: 2, increment: { processed: 1 } })).body.job
    expect([running.status, running.error]).toEqual(['running', undefined])
    for (let second = 0; second < 32; second++) await clock.advance(1_000)
    const types = (await events('j')).map(({ type, data }) => `${type} ${(data as Job).attempt}`)
    expect(types).toEqual([
      'job.created 1',
      'job.started 1',
      'job.progress 1',
      'job.retrying 2',
      'job.started 2',
      'job.progress 2',
      'job.retrying 3',
    ])
    expect((await act('j', 'fail', { attempt: 3, error: failure })).body.job).toMatchObject({
      status: 'failed',
      error: failure,
    })
    for (const attempts of [0, 101, 1.5, '2']) {
      expect((await create({ attempts })).body).toMatchObject({ code: 'job_invalid', field: 'attempts' })
    }
  })

  test('[P10.3] what an older attempt still says is refused as fenced', async () => {
    const { create, act, patch } = await start()
    await create({ id: 'j', attempts: 2 })
    await act('j', 'start')
    await act('j', 'fail', { attempt: 1, error: failure })
    for (const answer of [
      await patch('j', { attempt: 1, increment: { processed: 1 } }),
      await act('j', 'complete', { attempt: 1 }),
      await act('j', 'renew', { attempt: 1 }),
    ])
      expect(answer.body).toMatchObject({ accepted: false, reason: 'fenced', job: { status: 'queued', attempt: 2 } })
  })
})

describe('running an ended job again', () => {
  test('[P10.16] makes a new job that names the old one, once for each id, and leaves that as it is', async () => {
    const { create, act, patch, retry, events } = await start()
    await create({ id: 'old', total: 9, meta: { url: 'x' }, attempts: 1 })
    const active = await retry('old')
    expect([active.status, active.body]).toEqual([409, expect.objectContaining({ code: 'job_active' })])
    await patch('old', { increment: { processed: 5 } })
    await act('old', 'fail', { error: failure })
    const again = await retry('old', { id: 'new' })
    expect([again.status, again.body.job]).toEqual([
      201,
      expect.objectContaining({
        id: 'new',
        status: 'queued',
        retryOf: 'old',
        total: 9,
        meta: { url: 'x' },
        counters: {},
        owner: 'user:7',
      }),
    ])
    expect(again.body.token).toBeTypeOf('string')
    await act('new', 'start')
    const known = await retry('old', { id: 'new' })
    expect([known.status, known.body.job.status]).toEqual([200, 'running'])
    expect((await events('old')).at(-1)?.type).toBe('job.failed')
    expect((await retry('none')).body).toMatchObject({ status: 404, code: 'not_found' })
    expect((await retry('old', { name: 'x' })).body).toMatchObject({ code: 'job_invalid', field: 'name' })
    expect((await retry('old', { id: 'a b' })).body).toMatchObject({ code: 'id_invalid', field: 'id' })
    // Without a body the id is made.
    expect((await retry('old', {}, { body: undefined, method: 'POST' })).body.job.id).toMatch(/^[0-9a-f-]{36}$/)
  })

  test('[P10.12] takes a grant to publish, for both jobs', async () => {
    const { create, act, retry } = await start()
    await create({ id: 'old' })
    await act('old', 'cancel')
    expect((await retry('old', {}, { as: { userId: '7' } })).status).toBe(403)
    expect((await retry('old', {}, { as: { userId: '9' } })).status).toBe(404)
    const narrow: Call = { as: { userId: 'w', publish: ['job:old', 'job:mine'] } }
    expect((await retry('old', { id: 'other' }, narrow)).body).toMatchObject({ status: 403, topics: ['job:other'] })
    expect((await retry('old', { id: 'mine' }, narrow)).status).toBe(201)
  })

  test('[P10.21] takes a grant to publish for the parent too, which it changes', async () => {
    const { create, act, retry } = await start()
    await create({ id: 'batch' })
    await create({ id: 'old', parent: 'batch' })
    await act('old', 'cancel')
    const narrow: Call = { as: { userId: 'w', publish: ['job:old', 'job:mine'] } }
    expect((await retry('old', { id: 'mine' }, narrow)).body).toMatchObject({ status: 403, topics: ['job:batch'] })
    const wide: Call = { as: { userId: 'w', publish: ['job:old', 'job:mine', 'job:batch'] } }
    expect((await retry('old', { id: 'mine' }, wide)).status).toBe(201)
  })
})

test('[P10.18] the events of one command keep their order, all or none', async () => {
  const { create, patch, events } = await start()
  await create({ id: 'j' })
  const publish = Array.from({ length: 100 }, (_, n) => ({ type: 'page.done', data: n }))
  expect((await patch('j', { publish })).body.accepted).toBe(true)
  const seen = await events('j')
  const own = seen.filter(({ type }) => type === 'page.done')
  expect(own.map(({ data }) => data)).toEqual(publish.map(({ data }) => data))
  expect(own.map(({ seq }) => (seq ?? 0) - (own[0]?.seq ?? 0))).toEqual(publish.map(({ data }) => data))
  for (const bad of [
    [...publish, { type: 'one.more' }],
    [{ type: 'page.done' }, { type: 'job.completed' }],
  ]) {
    expect((await patch('j', { publish: bad })).status).toBe(400)
  }
  expect(await events('j')).toHaveLength(seen.length)
})
