import { context, trace } from '@opentelemetry/api'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterEach, expect, onTestFinished, test } from 'vitest'
import { createHub } from '#src/index.js'
import { memoryStore } from '#src/store/memory.js'
import { readStream } from '../fixtures/stream.js'
import { openHub, storeOn } from '../faults/redis-bench.js'
import { noRedis, redisForTest } from '../fixtures/redis.js'
import { startHub } from '../http/server.js'
import { type Recorded, record } from './recorded-spans.js'

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

test.skipIf(noRedis)(
  'O3: on another node, which hears of it by the store, deliver is a span of the same trace',
  async () => {
    const spans = record()
    const { url } = await redisForTest()
    const { hub: near } = await openHub(storeOn(url))
    const { hub: far } = await openHub(storeOn(url))
    const reader = await readStream(far, { topics: ['news'] })
    onTestFinished(() => reader.close())
    await reader.control('hello')
    await near.publish({ topic: 'news', type: 'x', data: 1 })
    const event = await reader.next()
    await expect
      .poll(() => spans.map(({ name }) => name))
      .toEqual(['tidings publish', 'tidings append', 'tidings deliver'])
    const [published, , delivered] = spans as [Recorded, Recorded, Recorded]
    expect([delivered.traceId, delivered.parent]).toEqual([published.traceId, published.spanId])
    expect(delivered.attributes).toMatchObject({ 'messaging.message.id': event.id, 'tidings.deliveries': 1 })
  },
)

/** A program that publishes and reads, in a process in which the package cannot be found. */
const withoutPackage = `
const hooks = \`export const resolve = (name, context, next) => {
  if (name.startsWith('@opentelemetry/')) throw Object.assign(new Error('not installed'), { code: 'ERR_MODULE_NOT_FOUND' })
  return next(name, context)
}\`
const { register } = await import('node:module')
register('data:text/javascript,' + encodeURIComponent(hooks))
const found = await import('@opentelemetry/api').then(() => true, () => false)
const { createHub, memoryStore } = await import('#src/index.js')
const hub = await createHub({ authenticate: () => null, store: memoryStore() })
const events = hub.subscribe(['news'], { since: 'start' })
await hub.publish({ topic: 'news', type: 'x', data: 1, metadata: { correlationId: 'order-7' } })
const { value } = await events.next()
console.log(JSON.stringify({ found, metadata: value.metadata, errors: hub.stats().errors }))
await hub.close({ drainMs: 0 })`

test('O3: where @opentelemetry/api is not installed nothing is traced, and nothing is amiss', async () => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', withoutPackage])
  expect(JSON.parse(stdout)).toEqual({ found: false, metadata: { correlationId: 'order-7' }, errors: 0 })
  expect(stderr).toBe('')
})
