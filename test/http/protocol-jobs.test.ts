import { describe, expect, test } from 'vitest'
import { memoryStore } from '#src/index.js'
import type { TidingsEvent } from '#src/protocol/event.js'
import type { Job, JobAnswer, JobPage } from '#src/protocol/job.js'
import { fakeClock } from '#src/testing/fake-clock.js'
import { type Call, root, startHub, type TestHub } from './server.js'

interface Created {
  readonly job: Job
  readonly token: string
}

/** The routes of one hub, by name. */
function jobsOf(hub: TestHub) {
  return {
    create: (body: object, call: Call = {}) =>
      hub.call<Created>('/jobs', { ...call, body: { owner: 'user:7', kind: 'crawl', ...body } }),
    read: (id: string, call: Call = {}) => hub.call<Job>(`/jobs/${id}`, call),
    patch: (id: string, body: object, call: Call = {}) =>
      hub.call<JobAnswer>(`/jobs/${id}`, { ...call, method: 'PATCH', body }),
    act: (id: string, action: string, body: object = {}, call: Call = {}) =>
      hub.call<JobAnswer>(`/jobs/${id}/${action}`, { ...call, body }),
    async events(id: string): Promise<readonly TidingsEvent<string, Job>[]> {
      return (await hub.poll(`topic=job:${id}&since=start`)).body.events as TidingsEvent<string, Job>[]
    },
  }
}

const failure = { code: 'broken', message: 'It broke.', retryable: false }

describe('creating and commanding', () => {
  test('[P10.1] 201 with the job, queued, and its token; the same again 200; other content 422', async () => {
    const hub = await startHub()
    const jobs = jobsOf(hub)
    const made = await jobs.create({ id: 'j', total: 10, counters: { discovered: 4 }, meta: { url: 'x' } })
    expect([made.status, made.body.job]).toEqual([
      201,
      expect.objectContaining({
        id: 'j',
        kind: 'crawl',
        owner: 'user:7',
        status: 'queued',
        total: 10,
        percent: 0,
        counters: { discovered: 4 },
        meta: { url: 'x' },
        attempt: 1,
        attempts: 1,
      }),
    ])
    await jobs.act('j', 'start')
    const again = await jobs.create({ id: 'j', total: 10, counters: { discovered: 4 }, meta: { url: 'x' } })
    expect([again.status, again.body.job.status]).toEqual([200, 'running'])
    const other = await jobs.create({ id: 'j', total: 11 })
    expect([other.status, other.body]).toEqual([422, expect.objectContaining({ code: 'id_reused' })])
    expect((await jobs.create({})).body.job.id).toMatch(/^[0-9a-f-]{36}$/)
    expect((await jobs.events('j')).map((event) => event.type)).toEqual(['job.created', 'job.started'])
  })

  test('[P10.1, P10.12] the token reads and cancels this job, and nothing else', async () => {
    const hub = await startHub()
    const jobs = jobsOf(hub)
    await jobs.create({ id: 'other' })
    const { token } = (await jobs.create({ id: 'mine' })).body
    const call: Call = { as: null, headers: { authorization: `Bearer ${token}` } }
    expect((await jobs.read('mine', call)).body.id).toBe('mine')
    expect((await hub.call('/events?topic=job:mine', { ...call, accept: 'application/json' })).status).toBe(200)
    expect((await jobs.patch('mine', { increment: { processed: 1 } }, call)).status).toBe(403)
    expect((await jobs.create({}, call)).status).toBe(403)
    expect((await jobs.read('other', call)).status).toBe(404)
    expect((await hub.call('/events?topic=jobs:7', { ...call, accept: 'application/json' })).status).toBe(403)
    expect((await jobs.act('mine', 'cancel', {}, call)).body).toMatchObject({
      accepted: true,
      job: { status: 'cancelled' },
    })
  })

  test('[P10.2] a command sent again with its id changes nothing and is accepted as before', async () => {
    const hub = await startHub()
    const jobs = jobsOf(hub)
    await jobs.create({ id: 'j' })
    for (let turn = 0; turn < 3; turn++) {
      const answer = await jobs.patch('j', {
        id: 'page-1',
        increment: { processed: 1 },
        log: [{ level: 'info', message: 'one' }],
      })
      expect([answer.status, answer.body.accepted, answer.body.job.counters]).toEqual([200, true, { processed: 1 }])
    }
    for (let turn = 0; turn < 2; turn++)
      expect((await jobs.act('j', 'complete', { id: 'end', result: 5 })).body.accepted).toBe(true)
    const types = (await jobs.events('j')).map((event) => event.type)
    expect(types.filter((type) => type === 'job.log')).toHaveLength(1)
    expect(types.filter((type) => type === 'job.completed')).toHaveLength(1)
  })

  test('[P10.3] a refusal is 200 with its reason and the job as it stands', async () => {
    const hub = await startHub()
    const jobs = jobsOf(hub)
    await jobs.create({ id: 'j' })
    expect((await jobs.patch('j', { attempt: 1, increment: { processed: 1 } })).body).toMatchObject({
      accepted: true,
      job: { status: 'running' },
    })
    await jobs.act('j', 'fail', { error: failure })
    for (const answer of [
      await jobs.patch('j', { increment: { processed: 1 } }),
      await jobs.act('j', 'start'),
      await jobs.act('j', 'renew'),
    ]) {
      expect([answer.status, answer.body]).toEqual([
        200,
        expect.objectContaining({
          accepted: false,
          reason: 'ended',
          job: expect.objectContaining({ status: 'failed', error: failure }),
        }),
      ])
    }
    await jobs.create({ id: 'k' })
    expect((await jobs.patch('k', { attempt: 2, increment: { processed: 1 } })).body).toMatchObject({
      accepted: false,
      reason: 'fenced',
      job: { attempt: 1 },
    })
  })

  test('[P10.4] of many ends at once one wins; the rest are told so, and nothing follows the end', async () => {
    const hub = await startHub()
    const jobs = jobsOf(hub)
    for (let run = 0; run < 5; run++) {
      const id = `j${run}`
      await jobs.create({ id })
      const answers = await Promise.all(
        Array.from({ length: 12 }, (_, n) => {
          if (n % 4 === 3) return jobs.patch(id, { increment: { processed: 1 } })
          return n % 4 === 0
            ? jobs.act(id, 'complete', { result: n })
            : n % 4 === 1
              ? jobs.act(id, 'fail', { error: failure })
              : jobs.act(id, 'cancel')
        }),
      )
      const ends = answers.filter((_, n) => n % 4 !== 3)
      const won = ends.filter((answer) => answer.body.accepted)
      expect(won).toHaveLength(1)
      for (const answer of ends)
        if (!answer.body.accepted)
          expect([answer.body.reason, answer.body.job.status]).toEqual(['ended', won[0]?.body.job.status])
      await jobs.patch(id, { log: [{ level: 'info', message: 'late' }], increment: { processed: 1 } })
      const types = (await jobs.events(id)).map((event) => event.type)
      expect(types.filter((type) => /completed|failed|cancelled/.test(type))).toEqual([types.at(-1)])
      expect(types.at(-1)).toBe(`job.${won[0]?.body.job.status}`)
    }
  })
})

describe('counters and progress', () => {
  test('[P10.5] increments of many workers add up exactly', async () => {
    const hub = await startHub()
    const jobs = jobsOf(hub)
    await jobs.create({ id: 'j' })
    await Promise.all(
      Array.from({ length: 10 }, async () => {
        for (let n = 0; n < 30; n++) await jobs.patch('j', { increment: { processed: 1, own: 2 } })
      }),
    )
    expect((await jobs.read('j')).body.counters).toEqual({ processed: 300, own: 600 })
    for (const by of [-1, 0.5, '1', null, 2 ** 53]) {
      const refused = await jobs.patch('j', { increment: { processed: by } })
      expect([by, refused.status, refused.body]).toEqual([
        by,
        400,
        expect.objectContaining({ code: 'job_invalid', field: 'increment.processed' }),
      ])
    }
  })

  test('[P10.6, P10.7] total is the larger of what was set and discovered; percent follows, whole and never falling', async () => {
    const hub = await startHub()
    const jobs = jobsOf(hub)
    await jobs.create({ id: 'j' })
    const steps: [object, number | null, number | null][] = [
      [{ increment: { processed: 1 } }, null, null],
      [{ increment: { discovered: 3 } }, 3, 33],
      [{ set: { total: 2 } }, 3, 33],
      [{ set: { total: 4 } }, 4, 33],
      [{ increment: { failed: 1 } }, 4, 50],
      [{ increment: { skipped: 1, discovered: 97 } }, 100, 50],
      [{ increment: { processed: 500 } }, 100, 100],
      [{ increment: { discovered: 900 } }, 1_000, 100],
    ]
    for (const [command, total, percent] of steps) {
      const { job } = (await jobs.patch('j', command)).body
      expect([command, job.total, job.percent]).toEqual([command, total, percent])
    }
    await jobs.create({ id: 'done', total: 10 })
    expect((await jobs.act('done', 'complete')).body.job.percent).toBe(100)
    await jobs.create({ id: 'failed', total: 10 })
    await jobs.patch('failed', { increment: { processed: 3 } })
    expect((await jobs.act('failed', 'fail', { error: failure })).body.job.percent).toBe(30)
  })

  test('[P10.8, P10.9] every event holds the whole job with a rising version; progress is merged, the end is not held back', async () => {
    const clock = fakeClock()
    const hub = await startHub({ clock, store: memoryStore({ clock }) })
    const jobs = jobsOf(hub)
    await jobs.create({ id: 'j', total: 1_000 })
    const began = clock.now()
    for (let n = 0; n < 300; n++) {
      await jobs.patch('j', { increment: { processed: 1 } })
      await clock.advance(10)
    }
    const seconds = (clock.now() - began) / 1000
    await jobs.patch('j', { increment: { processed: 1 } })
    await jobs.act('j', 'complete')
    const events = await jobs.events('j')
    const versions = events.map((event) => event.data.version)
    expect(versions).toEqual([...new Set(versions)].toSorted((a, b) => a - b))
    for (const event of events)
      expect(event.data).toMatchObject({
        id: 'j',
        owner: 'user:7',
        kind: 'crawl',
        counters: expect.anything(),
        createdAt: expect.any(Number),
      })
    const progress = events.filter((event) => event.type === 'job.progress')
    expect(progress.length).toBeLessThanOrEqual(10 * seconds + 10)
    expect(progress.length).toBeGreaterThan(10)
    expect(events.at(-1)).toMatchObject({ type: 'job.completed', data: { counters: { processed: 301 } } })
    const percents = events.map((event) => event.data.percent ?? 0)
    expect(percents).toEqual(percents.toSorted((a, b) => a - b))
  })
})

describe('jobs are never stuck', () => {
  test('[P10.10] a running job whose lease nobody renewed fails with stalled; every accepted command renews it', async () => {
    const clock = fakeClock()
    const hub = await startHub({ clock, store: memoryStore({ clock }) })
    const jobs = jobsOf(hub)
    for (const id of ['renewed', 'counted', 'left']) {
      await jobs.create({ id })
      await jobs.act(id, 'start')
    }
    for (let turn = 0; turn < 4; turn++) {
      await clock.advance(20_000)
      await jobs.act('renewed', 'renew')
      await jobs.patch('counted', { increment: { processed: 1 } })
    }
    expect((await jobs.read('renewed')).body.status).toBe('running')
    expect((await jobs.read('counted')).body.status).toBe('running')
    expect((await jobs.read('left')).body).toMatchObject({
      status: 'failed',
      error: { code: 'stalled' },
      endedAt: expect.any(Number),
    })
    expect((await jobs.events('left')).at(-1)?.type).toBe('job.failed')
  })

  test('[P10.11] a job that nobody starts in its time fails with expired', async () => {
    const clock = fakeClock()
    const hub = await startHub({ clock, store: memoryStore({ clock }) })
    const jobs = jobsOf(hub)
    await jobs.create({ id: 'short', startWithinMs: 5_000 })
    await jobs.create({ id: 'long' })
    for (let second = 0; second < 4; second++) await clock.advance(1_000)
    expect((await jobs.read('short')).body.status).toBe('queued')
    for (let second = 0; second < 3; second++) await clock.advance(1_000)
    expect((await jobs.read('short')).body).toMatchObject({ status: 'failed', error: { code: 'expired' } })
    expect((await jobs.read('long')).body.status).toBe('queued')
  })
})

test('[P11.12] a hub that has closed, and whose server still listens, says draining: send it again', async () => {
  const hub = await startHub()
  const jobs = jobsOf(hub)
  await jobs.create({ id: 'j' })
  await hub.hub.close({ drainMs: 0 })
  for (const { status, headers, body } of [
    await jobs.patch('j', { increment: { processed: 1 } }),
    await jobs.create({ id: 'k' }),
    await jobs.read('j'),
    await hub.publish({ topic: 'x', type: 'n' }),
  ]) {
    expect([status, body]).toEqual([503, expect.objectContaining({ code: 'draining' })])
    expect(headers.get('retry-after')).toBe('1')
  }
})

describe('who may', () => {
  test('[P10.12] owners read and cancel, publishers do everything, others hear of no job at all', async () => {
    const hub = await startHub()
    const jobs = jobsOf(hub)
    const owner: Call = { as: { userId: '7' } }
    const watcher: Call = { as: { userId: '8', subscribe: ['job:*'] } }
    const worker: Call = { as: { userId: 'w', publish: ['job:*'] } }
    const stranger: Call = { as: { userId: '9' } }
    await jobs.create({ id: 'j' }, worker)
    for (const call of [owner, watcher, worker]) expect((await jobs.read('j', call)).status).toBe(200)
    expect((await jobs.create({}, owner)).status).toBe(403)
    for (const call of [owner, watcher]) expect((await jobs.patch('j', { increment: { a: 1 } }, call)).status).toBe(403)
    expect((await jobs.patch('j', { increment: { a: 1 } }, worker)).status).toBe(200)

    const told = async (id: string) =>
      [
        await jobs.read(id, stranger),
        await jobs.patch(id, { increment: { a: 1 } }, stranger),
        await jobs.act(id, 'cancel', {}, stranger),
      ].map(({ status, body }) => JSON.stringify({ status, body }).replaceAll(`\\"${id}\\"`, '…'))
    expect(await told('j')).toEqual(await told('none'))
    expect((await jobs.read('j', stranger)).body).toMatchObject({ status: 404, code: 'not_found' })

    const seen = await hub.stream({ as: { userId: '7' } })
    await seen.control('hello')
    expect((await jobs.act('j', 'cancel', {}, owner)).body.accepted).toBe(true)
    expect((await seen.until((event) => event.type === 'job.cancelled')).at(-1)?.topic).toBe('jobs:7')
  })

  test('[P10.12] who reads a job only because it is public, or because authorize widens reading, cannot cancel it', async () => {
    const hub = await startHub({
      anonymous: true,
      sessionCookies: [],
      publicTopics: ['job:open*'],
      authorize: ({ userId }, action, topic) => {
        if (userId === 'guest' && action === 'subscribe') return topic === 'job:shown' ? true : undefined
        if (userId === 'helper' && action === 'job') return topic === 'job:shown' ? true : undefined
        return undefined
      },
    })
    const jobs = jobsOf(hub)
    for (const id of ['open', 'open2', 'open3', 'shown']) await jobs.create({ id })
    for (const [id, call] of [
      ['open', { as: null }],
      ['open', { as: { userId: '9' } }],
      ['shown', { as: { userId: 'guest' } }],
    ] as const) {
      expect((await jobs.read(id, call)).status).toBe(200)
      const refused = await jobs.act(id, 'cancel', {}, call)
      expect([refused.status, refused.body]).toEqual([403, expect.objectContaining({ topics: [`job:${id}`] })])
      expect((await jobs.read(id, call)).body.status).toBe('queued')
    }
    for (const [id, as] of [
      ['open', { userId: '7' }],
      ['open2', { userId: '8', subscribe: ['job:*'] }],
      ['open3', { userId: '8', publish: ['job:*'] }],
      ['shown', { userId: 'helper' }],
    ] as const)
      expect((await jobs.act(id, 'cancel', {}, { as })).body.accepted).toBe(true)
  })

  test('[P10.13] the cursor of a list is from before it was read: streaming from it misses nothing', async () => {
    const hub = await startHub()
    const jobs = jobsOf(hub)
    const making = (async () => {
      for (let n = 0; n < 60; n++) await jobs.create({ id: `j${n}` })
    })()
    for (let turn = 0; turn < 10; turn++) {
      const { body } = await hub.call<JobPage>('/jobs?owner=user:7&limit=1000')
      const reader = await hub.stream({ topics: ['jobs:7', 'news'], since: body.cursor })
      await hub.publish({ topic: 'news', type: 'note', data: turn })
      const after = await reader.until((event) => event.data === turn)
      const listed = new Set(body.jobs.map((job) => job.id))
      const streamed = after.filter((event) => event.type === 'job.created').map((event) => (event.data as Job).id)
      const known = new Set([...listed, ...streamed])
      // Whatever exists by the time of the note is known from one or the other.
      for (let n = 0; n < known.size; n++) expect(known.has(`j${n}`)).toBe(true)
      await reader.close()
    }
    await making
  })

  test('[P10.17] lists are newest first, by owner and status, page by page', async () => {
    const hub = await startHub()
    const jobs = jobsOf(hub)
    for (let n = 0; n < 7; n++) await jobs.create({ id: `j${n}` })
    await jobs.create({ id: 'other', owner: 'user:8' })
    await jobs.act('j3', 'complete')
    const page = (query: string, call: Call = {}) => hub.call<JobPage>(`/jobs?${query}`, call)
    const all: string[] = []
    let next: string | undefined = ''
    while (next !== undefined) {
      const { body } = await page(`owner=user:7&limit=3${next && `&after=${encodeURIComponent(next)}`}`)
      all.push(...body.jobs.map((job) => job.id))
      next = body.next
    }
    expect(all).toEqual(['j6', 'j5', 'j4', 'j3', 'j2', 'j1', 'j0'])
    expect((await page('owner=user:7&status=completed')).body.jobs.map((job) => job.id)).toEqual(['j3'])
    expect((await page('', { as: { userId: '8' } })).body.jobs.map((job) => job.id)).toEqual(['other'])
    expect((await page('owner=user:8', { as: { userId: '7' } })).status).toBe(403)
    for (const query of [
      'owner=7',
      'owner=user:',
      'status=odd',
      'limit=0',
      'limit=x',
      'after=x',
      'after=1e3',
      'after=-1',
    ]) {
      const refused = await page(query)
      expect([query, refused.status, refused.body]).toEqual([
        query,
        400,
        expect.objectContaining({ field: query.split('=')[0] }),
      ])
    }
  })

  test('[P10.14] a bad field is 400 by its name', async () => {
    const hub = await startHub()
    const jobs = jobsOf(hub)
    await jobs.create({ id: 'j' })
    const bad: [string, object][] = [
      ['owner', { owner: '7' }],
      ['owner', { owner: 'job:7' }],
      ['kind', { kind: '' }],
      ['total', { total: -1 }],
      ['counters.a', { counters: { a: 1.5 } }],
      ['leaseMs', { leaseMs: 1 }],
      ['ttlMs', { ttlMs: 'x' }],
      ['colour', { colour: 'red' }],
    ]
    for (const [field, body] of bad) {
      const refused = await jobs.create(body)
      expect([body, refused.status, refused.body]).toEqual([
        body,
        400,
        expect.objectContaining({ code: 'job_invalid', field }),
      ])
    }
    const badUpdates: [string, object][] = [
      ['set.stage', { set: { stage: 5 } }],
      ['set.total', { set: { total: 'x' } }],
      ['log[0].level', { log: [{ level: 'loud', message: 'x' }] }],
      ['log', { log: 'x' }],
      ['set.current', { set: { current: 'x'.repeat(5_000) } }],
      ['attempt', { attempt: 0 }],
    ]
    for (const [field, body] of badUpdates) {
      const refused = await jobs.patch('j', body)
      expect([body, refused.status, refused.body]).toEqual([
        body,
        400,
        expect.objectContaining({ code: 'job_invalid', field }),
      ])
    }
    expect((await jobs.act('j', 'fail', { error: { message: 'no code' } })).body).toMatchObject({
      code: 'job_invalid',
      field: 'error.code',
    })
    expect((await jobs.create({ id: 'a b' })).body).toMatchObject({ code: 'id_invalid', field: 'id' })
    expect((await jobs.read('j')).body.version).toBe((await jobs.events('j'))[0]?.data.version)
  })

  test('DELETE takes a job away with its events', async () => {
    const hub = await startHub()
    const jobs = jobsOf(hub)
    await jobs.create({ id: 'j' })
    expect((await hub.call('/jobs/j', { method: 'DELETE', as: { userId: '7' } })).status).toBe(403)
    expect((await hub.call('/jobs/j', { method: 'DELETE', as: root })).status).toBe(204)
    expect((await jobs.read('j')).status).toBe(404)
    expect(await jobs.events('j')).toEqual([])
  })
})
