import { type } from 'arktype'
import * as v from 'valibot'
import { describe, expect, expectTypeOf, onTestFinished, test, vi } from 'vitest'
import * as z from 'zod'
import { defineEvents, everydayEvents, notification } from '#src/declare.js'
import { type AnyHub, type Hub, type HubOptions, type TidingsEvent, createHub } from '#src/index.js'
import type { MaybeDeclared } from '#src/declare.js'

const events = defineEvents({
  'page.crawled': z.object({ url: z.string(), bytes: z.number() }),
  'report.updated': z.object({ rows: z.number() }),
  'crawl.finished': z.object({ at: z.iso.datetime().transform((text) => new Date(text)) }),
  'cache.cleared': z.null(),
  ...everydayEvents,
})

async function hubOf<Declared extends MaybeDeclared>(options: Partial<HubOptions<Declared>>): Promise<Hub<Declared>> {
  const hub = await createHub<Declared>({
    authenticate: () => ({ userId: '7', publish: ['*'], subscribe: ['*'] }),
    ...options,
  } as HubOptions<Declared>)
  onTestFinished(() => hub.close({ drainMs: 0 }))
  return hub
}

type Yielded<Reader> = Reader extends AsyncIterableIterator<infer Event> ? Event : never

async function take(reader: AsyncIterableIterator<TidingsEvent>, count: number): Promise<TidingsEvent[]> {
  const taken: TidingsEvent[] = []
  for await (const event of reader) if (taken.push(event) === count) break
  return taken
}

describe('E2: publish', () => {
  test('E2: a payload that does not fit is refused, and its path named', async () => {
    const hub = await hubOf({ events })
    const wrong = { topic: 'crawl:1', type: 'page.crawled', data: { url: 'https://a', bytes: '12' } } as const
    // @ts-expect-error: bytes is a number
    await expect(hub.publish(wrong)).rejects.toMatchObject({ code: 'event_invalid', field: 'data.bytes' })
    const batch = [{ topic: 'crawl:1', type: 'report.updated', data: { rows: 1 } }, wrong] as const
    // @ts-expect-error: also in a batch, of which nothing is stored
    await expect(hub.publish(batch)).rejects.toMatchObject({ field: '[1].data.bytes' })
    const { events: kept } = await hub.internals.core.store.read('default', {
      topics: ['crawl:1'],
      after: 'start',
      limit: 10,
      maxBytes: 1e6,
    })
    expect(kept).toEqual([])
  })

  test('E2: a type that is not declared is refused at publish and in filters', async () => {
    const hub = await hubOf({ events })
    // @ts-expect-error: not declared
    const undeclared = hub.publish({ topic: 'crawl:1', type: 'page.lost', data: {} })
    await expect(undeclared).rejects.toMatchObject({ code: 'type_invalid', field: 'type' })
    // @ts-expect-error: not declared
    expect(() => hub.subscribe(['crawl:1'], { types: ['page.lost'] })).toThrow(/"page.lost" is not declared/)
    expect(() => hub.subscribe(['crawl:1'], { types: ['page.crawled', 'job.progress'] })).not.toThrow()
  })

  test('[P1.14] E2: over HTTP too, as a problem with the path, and in the filter of a stream', async () => {
    const hub = await hubOf({ events })
    const post = (body: unknown) =>
      hub.fetch(
        new Request('http://hub/events', {
          method: 'POST',
          body: JSON.stringify(body),
          headers: { 'Content-Type': 'application/json' },
        }),
      )
    const wrong = await post({ topic: 'crawl:1', type: 'page.crawled', data: { url: 1, bytes: 2 } })
    expect(wrong.status).toBe(400)
    expect(await wrong.json()).toMatchObject({ code: 'event_invalid', field: 'data.url' })
    const right = await post({ topic: 'crawl:1', type: 'page.crawled', data: { url: 'a', bytes: 2 } })
    expect(right.status).toBe(201)
    const filter = await hub.fetch(new Request('http://hub/events?topic=crawl:1&type=page.lost'))
    expect(filter.status).toBe(400)
    expect(await filter.json()).toMatchObject({ code: 'type_invalid', field: 'type' })
  })

  test('E2: events of a job are held to it as well', async () => {
    const hub = await hubOf({ events, onError: () => {} })
    const { job } = await hub.jobs.create({ owner: 'user:7', kind: 'crawl' })
    await expect(job.publish('page.crawled', { url: 'a' })).rejects.toMatchObject({
      code: 'event_invalid',
      field: 'publish[0].data.bytes',
    })
    expect(await job.publish('page.crawled', { url: 'a', bytes: 1 })).toBe(true)
  })

  test('E2: open events take other types too, and still check the declared ones', async () => {
    const open = defineEvents({ 'report.updated': z.object({ rows: z.number() }) }, { open: true })
    const hub = await hubOf({ events: open })
    await hub.publish({ topic: 'a', type: 'anything', data: [1] })
    // @ts-expect-error: declared is declared
    const wrong = hub.publish({ topic: 'a', type: 'report.updated', data: { rows: 'many' } })
    await expect(wrong).rejects.toMatchObject({ field: 'data.rows' })
    expect(() => hub.subscribe(['a'], { types: ['anything'] })).not.toThrow()
  })

  test('E2: what is checked is what arrives, and what is sent is what was given', async () => {
    const hub = await hubOf({ events })
    const at = '2026-11-21T08:00:00Z'
    const date = { topic: 'a', type: 'crawl.finished', data: { at: new Date(at) } } as const
    // @ts-expect-error: a date is no text, though JSON makes it one
    await hub.publish(date)
    await hub.publish({ topic: 'a', type: 'crawl.finished', data: { at } })
    await hub.publish({ topic: 'a', type: 'cache.cleared' })
    await hub.publish({ topic: 'a', ...notification({ title: 'Done', level: 'success' }) })
    const { events: kept } = await hub.internals.core.store.read('default', {
      topics: ['a'],
      after: 'start',
      limit: 10,
      maxBytes: 1e6,
    })
    expect(kept.map(({ body }) => JSON.parse(`{${body}}`).data)).toEqual([
      { at: '2026-11-21T08:00:00.000Z' },
      { at },
      null,
      { title: 'Done', level: 'success' },
    ])
  })
})

describe('E2: receive', () => {
  test('E2: readers get what the schema makes of it; what does not fit is reported once, and the rest goes on', async () => {
    const onError = vi.fn()
    const hub = await hubOf({ events, onError })
    const reader = hub.subscribe(['a'], { since: 'start' })
    // By a node without the declaration, or one of an earlier version.
    const store = hub.internals.core.store
    const foreign = (type: string, data: unknown) => ({
      id: `${type}-${JSON.stringify(data)}`,
      type,
      priority: 'normal' as const,
      body: `"source":"x","version":1,"data":${JSON.stringify(data)}`,
      topics: ['a'],
      digest: 'x',
    })
    await store.append('default', { events: [foreign('report.updated', { rows: 'x' }), foreign('new.type', 5)] })
    await hub.publish({ topic: 'a', type: 'crawl.finished', data: { at: '2026-11-21T08:00:00Z' } })
    const received = await take(reader, 2)
    expect(received[0]).toMatchObject({ type: 'new.type', data: 5 })
    expect(received[1]?.data).toEqual({ at: new Date('2026-11-21T08:00:00Z') })
    expect(onError).toHaveBeenCalledTimes(1)
    expect(onError).toHaveBeenCalledWith(expect.objectContaining({ field: 'data.rows' }), 'receive')
  })
})

describe('E2: schemas', () => {
  test('E2: zod, valibot and arktype all declare events', async () => {
    const mixed = defineEvents({
      zod: z.object({ n: z.number() }),
      valibot: v.object({ list: v.array(v.object({ n: v.number() })) }),
      arktype: type({ n: 'number' }),
    })
    const hub = await hubOf({ events: mixed })
    await hub.publish({ topic: 'a', type: 'zod', data: { n: 1 } })
    await hub.publish({ topic: 'a', type: 'valibot', data: { list: [{ n: 1 }] } })
    await hub.publish({ topic: 'a', type: 'arktype', data: { n: 1 } })
    // @ts-expect-error: n is a number
    const wrong = hub.publish({ topic: 'a', type: 'valibot', data: { list: [{ n: 1 }, { n: 'x' }] } })
    await expect(wrong).rejects.toMatchObject({ field: 'data.list[1].n' })
    // @ts-expect-error: n is a number
    const other = hub.publish({ topic: 'a', type: 'arktype', data: { n: 'x' } })
    await expect(other).rejects.toMatchObject({ code: 'event_invalid', field: 'data.n' })
    expectTypeOf<Parameters<typeof mixed.receive>[0]>().toEqualTypeOf<TidingsEvent>()
  })

  test('E2: an asynchronous schema is refused', async () => {
    const slow = defineEvents({ slow: z.object({ n: z.number().refine(async () => true) }) })
    const hub = await hubOf({ events: slow })
    const publish = hub.publish({ topic: 'a', type: 'slow', data: { n: 1 } })
    await expect(publish).rejects.toMatchObject({
      code: 'option_invalid',
      message: expect.stringContaining('asynchronous'),
    })
  })

  test('E2: a schema that throws refuses the event instead of the process', async () => {
    const throws = (): boolean => {
      throw new Error('rude')
    }
    const rude = defineEvents({ rude: v.pipe(v.number(), v.check(throws)) })
    const hub = await hubOf({ events: rude })
    await expect(hub.publish({ topic: 'a', type: 'rude', data: 1 })).rejects.toMatchObject({ code: 'event_invalid' })
  })

  test.each([
    ['no schema', { a: {} }, {}, 'events["a"]'],
    ['nothing', null, {}, 'events'],
    ['a reserved type', { 'job.done': z.any() }, {}, 'events'],
    ['another option', { a: z.any() }, { opened: true }, 'opened'],
    ['an option of the wrong kind', { a: z.any() }, { open: 'yes' }, 'open'],
  ])('E2: a wrong declaration is refused when it is made: %s', (_, schemas, options, field) => {
    expect(() => defineEvents(schemas as never, options as never)).toThrow(expect.objectContaining({ field }))
  })

  test('E2: createHub takes only what defineEvents made', async () => {
    const wrong = { authenticate: () => null, events: { a: z.any() } }
    await expect(createHub(wrong as never)).rejects.toMatchObject({ code: 'option_invalid', field: 'events' })
  })
})

describe('E2: types', () => {
  test('E2: a subscription is a union by type', async () => {
    const hub = await hubOf({ events })
    const reader = hub.subscribe(['a'])
    const look = (event: Yielded<typeof reader>): void => {
      if (event.type === 'page.crawled') expectTypeOf(event.data).toEqualTypeOf<{ url: string; bytes: number }>()
      if (event.type === 'crawl.finished') expectTypeOf(event.data).toEqualTypeOf<{ at: Date }>()
      if (event.type === 'job.completed') expectTypeOf(event.data.percent).toEqualTypeOf<number | null>()
      if (event.type === 'job.log') expectTypeOf(event.data.lines[0]?.message).toEqualTypeOf<string | undefined>()
      // @ts-expect-error: no such type
      if (event.type === 'page.lost') return
    }
    expect(look).toBeTypeOf('function')
    const filtered = hub.subscribe(['a'], { types: ['report.updated', 'job.failed'] })
    expectTypeOf<Yielded<typeof filtered>['type']>().toEqualTypeOf<'report.updated' | 'job.failed'>()
    await Promise.all([reader.return?.(), filtered.return?.()])
  })

  test('E2: without a declaration everything is as it was', async () => {
    const hub = await hubOf<undefined>({})
    await hub.publish({ topic: 'a', type: 'anything', data: { a: 1 } })
    const reader = hub.subscribe(['a'], { since: 'start', types: ['anything'] })
    const [event] = await take(reader, 1)
    expect(event?.data).toEqual({ a: 1 })
    expectTypeOf(hub).toEqualTypeOf<Hub>()
  })

  test('E2: a hub with declared events is a hub to those who take any', () => {
    expectTypeOf<Hub<typeof events>>().toExtend<AnyHub>()
    expectTypeOf<Hub>().toExtend<AnyHub>()
  })
})
