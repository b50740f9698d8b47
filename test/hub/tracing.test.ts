import {
  ROOT_CONTEXT,
  type Context,
  type Span,
  type SpanContext,
  type SpanOptions,
  context,
  trace,
} from '@opentelemetry/api'
import { afterEach, expect, test } from 'vitest'
import { createHub } from '#src/index.js'
import { memoryStore } from '#src/store/memory.js'
import { startHub } from '../http/server.js'

interface Recorded {
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parent: string | undefined
  readonly options: SpanOptions
  readonly attributes: Record<string, unknown>
  status?: { readonly code: number; readonly message?: string }
  ended: boolean
}

const hex = (length: number): string =>
  Array.from({ length }, () => Math.floor(Math.random() * 16).toString(16)).join('')

/** Registers a provider that remembers its spans; `sampled` false: it records nothing, as a sampler may decide. */
function record(sampled = true): Recorded[] {
  const spans: Recorded[] = []
  const startSpan = (name: string, options: SpanOptions = {}, at: Context = ROOT_CONTEXT): Span => {
    const parent = trace.getSpanContext(at)
    const spanContext: SpanContext = {
      traceId: parent?.traceId ?? hex(32),
      spanId: hex(16),
      traceFlags: sampled ? 1 : 0,
    }
    const span: Recorded = {
      name,
      ...spanContext,
      parent: parent?.spanId,
      options,
      attributes: { ...options.attributes },
      ended: false,
    }
    if (sampled) spans.push(span)
    return {
      spanContext: () => spanContext,
      isRecording: () => sampled,
      setStatus: (status: NonNullable<Recorded['status']>) => void (span.status = status),
      setAttribute: (name: string, value: unknown) => void (span.attributes[name] = value),
      end: () => void (span.ended = true),
    } as unknown as Span
  }
  const ok = trace.setGlobalTracerProvider({ getTracer: () => ({ startSpan }) as never })
  expect(ok).toBe(true)
  return spans
}

afterEach(() => {
  trace.disable()
  context.disable()
})

test('O3: publish, append and deliver are spans of one trace; deliver is one an event, however many read it', async () => {
  const spans = record()
  const { hub, stream, publish } = await startHub()
  const readers = [
    await stream({ topics: ['news'] }),
    await stream({ topics: ['news'] }),
    await stream({ topics: ['news'] }),
  ]
  for (const reader of readers) await reader.control('hello')
  await publish({ id: 'e1', topic: 'news', type: 'x', data: 'PLANTED', metadata: { correlationId: 'order-7' } })
  const [event] = await Promise.all(readers.map((reader) => reader.next()))
  await expect
    .poll(() => spans.map(({ name }) => name))
    .toEqual(['tidings publish', 'tidings append', 'tidings deliver'])
  const [published, appended, delivered] = spans as [Recorded, Recorded, Recorded]
  expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1)
  expect([published.parent, appended.parent, delivered.parent]).toEqual([undefined, published.spanId, published.spanId])
  expect(published.attributes).toMatchObject({
    'messaging.message.conversation_id': 'order-7',
    'tidings.type': 'x',
  })
  expect(delivered.attributes).toMatchObject({ 'messaging.message.id': 'e1', 'tidings.deliveries': 3 })
  expect(spans.every(({ ended }) => ended)).toBe(true)
  expect(JSON.stringify(spans)).not.toContain('PLANTED')
  expect(event?.data).toBe('PLANTED')
  expect(event?.metadata).toMatchObject({
    correlationId: 'order-7',
    traceparent: `00-${published.traceId}-${published.spanId}-01`,
  })
  expect(hub.stats().errors).toBe(0)
})

test('O3: a traceparent of the request, or of the event, is what the spans belong to', async () => {
  const spans = record()
  const { call, hub } = await startHub()
  const of = (digit: string) => `00-${digit.repeat(32)}-${digit.repeat(16)}-01`
  await call('/events', { body: { topic: 'news', type: 'x', data: 1 }, headers: { traceparent: of('a') } })
  await hub.publish({ topic: 'news', type: 'x', data: 1, metadata: { traceparent: of('b') } })
  await hub.publish({ topic: 'news', type: 'x', data: 1, metadata: { traceparent: 'none of it' } })
  const published = spans.filter(({ name }) => name === 'tidings publish')
  expect(published.map(({ parent }) => parent)).toEqual(['a'.repeat(16), 'b'.repeat(16), undefined])
})

test('D3, O3: a traced publish that is repeated is still the same publish, and one that fails says why by its code', async () => {
  const spans = record()
  const { hub } = await startHub()
  const event = { id: 'once', topic: 'news', type: 'x', data: 1 }
  await hub.publish(event)
  expect(await hub.publish(event)).toMatchObject({ duplicate: true })
  await expect(hub.publish({ ...event, data: 'PLANTED' })).rejects.toMatchObject({ code: 'id_reused' })
  expect(spans.filter(({ name }) => name === 'tidings publish').at(-1)?.status).toEqual({
    code: 2,
    message: 'id_reused',
  })
})

test('O3: what is not sampled, and a hub without a provider, changes no event', async () => {
  for (const spans of [record(false), []]) {
    const hub = await createHub({ authenticate: () => null, store: memoryStore() })
    const events = hub.subscribe(['news'], { since: 'start' })
    await hub.publish({ topic: 'news', type: 'x', data: 1, metadata: { own: 1 } })
    expect((await events.next()).value.metadata).toEqual({ own: 1 })
    expect(spans).toEqual([])
    await hub.close({ drainMs: 0 })
    trace.disable()
  }
})

test('O3: a provider that is set up after the hub has begun is heard from then on', async () => {
  const { hub } = await startHub()
  await hub.publish({ topic: 'news', type: 'x', data: 1 })
  const spans = record()
  await hub.publish({ topic: 'news', type: 'x', data: 2 })
  expect(spans.map(({ name }) => name)).toEqual(['tidings publish', 'tidings append'])
})
