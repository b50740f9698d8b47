import { describe, expect, expectTypeOf, onTestFinished, test } from 'vitest'
import * as z from 'zod'
import { type JobOf, type ResultOf, defineJob } from '#src/declare.js'
import { type Hub, createHub } from '#src/index.js'

const crawl = defineJob({
  kind: 'crawl',
  counters: ['discovered', 'processed', 'bytes'],
  result: z.object({ pages: z.number() }),
  meta: z.object({ site: z.string() }),
})
const note = defineJob({ kind: 'note' })

async function openHub(): Promise<Hub> {
  const hub = await createHub({ authenticate: () => null, onError: () => {} })
  onTestFinished(() => hub.close({ drainMs: 0 }))
  return hub
}

const owner = 'user:7'
const meta = { site: 'https://a' }

describe('issue 4.10: a kind of jobs, declared once', () => {
  test('J1: handle, run, snapshot and list are typed by it', async () => {
    const crawls = (await openHub()).jobs.of(crawl)
    const { job, token } = await crawls.create({ owner, meta, total: 2 })
    expect(token).toBeTypeOf('string')
    const created = await job.snapshot()
    // Counters of a declared kind begin at 0: no reader has to wonder.
    expect(created).toMatchObject({ kind: 'crawl', counters: { discovered: 0, processed: 0, bytes: 0 }, meta })
    const ended = await crawls.run(job.id, async (handle, signal) => {
      expectTypeOf(signal).toEqualTypeOf<AbortSignal>()
      await handle.increment({ processed: 2, bytes: 10 })
      await handle.log('info', 'done')
      return { pages: 2 }
    })
    expect(ended).toMatchObject({ status: 'completed', percent: 100, result: { pages: 2 }, counters: { bytes: 10 } })
    expectTypeOf(ended.counters.bytes).toEqualTypeOf<number>()
    expectTypeOf(ended.kind).toEqualTypeOf<'crawl'>()
    expectTypeOf(ended.result).toEqualTypeOf<{ pages: number } | undefined>()
    expectTypeOf(ended.meta).toEqualTypeOf<{ site: string } | undefined>()
    expectTypeOf(await crawls.snapshot(job.id)).toEqualTypeOf<JobOf<typeof crawl> | null>()
    expectTypeOf<ResultOf<typeof note>>().toEqualTypeOf<unknown>()
    expect((await crawls.list({ owner })).jobs).toHaveLength(1)
  })

  test('J1: what the compiler refuses is refused at run time too', async () => {
    const crawls = (await openHub()).jobs.of(crawl)
    // @ts-expect-error: meta is required by its schema
    await expect(crawls.create({ owner })).rejects.toMatchObject({ code: 'job_invalid', field: 'meta' })
    // @ts-expect-error: site is a string
    await expect(crawls.create({ owner, meta: { site: 1 } })).rejects.toMatchObject({ field: 'meta.site' })
    // @ts-expect-error: no such counter
    const wrong = crawls.create({ owner, meta, counters: { procesed: 1 } })
    await expect(wrong).rejects.toMatchObject({ field: 'counters.procesed' })
    const { job } = await crawls.create({ owner, meta })
    // @ts-expect-error: no such counter
    await expect(job.increment({ procesed: 1 })).rejects.toMatchObject({ field: 'increment.procesed' })
    // @ts-expect-error: pages is a number
    await expect(job.complete({ pages: 'two' })).rejects.toMatchObject({ code: 'job_invalid', field: 'result.pages' })
    // @ts-expect-error: there is a result
    await expect(job.complete()).rejects.toMatchObject({ field: 'result' })
    // A wrong update spoils nobody else's: the right one beside it counts.
    const right = job.increment({ processed: 1 })
    // @ts-expect-error: no such counter
    job.increment({ procesed: 1 }).catch(() => {})
    expect(await right).toBe(true)
    expect(await job.complete({ pages: 1 })).toBe(true)
    expect(await job.snapshot()).toMatchObject({ counters: { processed: 1 }, result: { pages: 1 } })
  })

  test('J6: a function that returns another result fails the job, with the path', async () => {
    const crawls = (await openHub()).jobs.of(crawl)
    const { job } = await crawls.create({ owner, meta })
    // @ts-expect-error: pages is a number
    const ended = await crawls.run(job.id, () => ({ pages: 'two' }))
    expect(ended).toMatchObject({ status: 'failed', error: { code: 'job_invalid' } })
    expect(ended.error?.message).toContain('result.pages')
  })

  test('J1: jobs of another kind are not taken for these', async () => {
    const hub = await openHub()
    const { job } = await hub.jobs.create({ owner, kind: 'other' })
    const notes = hub.jobs.of(note)
    await expect(notes.snapshot(job.id)).rejects.toMatchObject({ code: 'job_invalid', field: 'kind' })
    await expect(notes.run(job.id, () => 1)).rejects.toMatchObject({ code: 'job_invalid', field: 'kind' })
    expect((await job.snapshot())?.status).toBe('queued')
    expect((await notes.list()).jobs).toEqual([])
    expect(await notes.snapshot('nobody')).toBe(null)
    const { job: plain } = await notes.create({ owner, counters: { anything: 1 }, meta: [1] })
    await plain.increment({ more: 1 })
    await plain.complete()
    const again = await notes.retry(plain.id)
    expect(await again.job.snapshot()).toMatchObject({ kind: 'note', retryOf: plain.id })
  })

  test.each([
    [{ kind: '' }, 'kind'],
    [{ kind: 'a', counters: ['1st'] }, 'counters.1st'],
    [{ kind: 'a', result: {} }, 'result'],
    [{ kind: 'a', meta: 'any' }, 'meta'],
    [{ kind: 'a', results: z.any() }, 'results'],
  ])('J1: a wrong declaration is refused when it is made: %#', (declaration, field) => {
    expect(() => defineJob(declaration as never)).toThrow(expect.objectContaining({ field }))
  })
})
