import { expect, onTestFinished } from 'vitest'
import { TidingsError } from '#src/errors.js'
import type { Hub } from '#src/index.js'
import { redisForTest } from '../fixtures/redis.js'
import { audit } from './auditor.js'
import { digestOf, type Publish } from './history.js'
import { logOf } from './noting-publisher.js'
import { NotingReader } from './noting-reader.js'
import { ask, eventually, openHub, openStore, pause, storeOn, untilAvailable } from './redis-bench.js'

const topics = ['a', 'b']

/** Calls `hub.publish` in a steady rhythm without waiting for answers, and notes every one. */
class Load {
  readonly publishes: Publish[] = []
  readonly #hub: Hub
  readonly #timer: NodeJS.Timeout
  #count = 0
  #pending = 0

  constructor(hub: Hub, everyMs: number, atOnce: number) {
    this.#hub = hub
    this.#timer = setInterval(() => {
      for (let n = 0; n < atOnce; n++) void this.publish()
    }, everyMs)
    onTestFinished(() => clearInterval(this.#timer))
  }

  get pending(): number {
    return this.#pending
  }

  async publish(): Promise<void> {
    const n = this.#count++
    const id = `load-${n}`
    const topic = topics[n % 2] as string
    const call = { by: 'load', n, id, topics: [topic], digest: digestOf(n), calledAtMs: performance.now() }
    this.#pending++
    try {
      const { cursor } = await this.#hub.publish({ id, topic, type: 'note', data: n })
      const answeredAtMs = performance.now()
      this.publishes.push({ ...call, outcome: 'acknowledged', cursor: cursor as string, answeredAtMs })
    } catch (error) {
      if (!(error instanceof TidingsError) || !error.retryable) throw error
      this.publishes.push({ ...call, outcome: error.code === 'indeterminate' ? 'indeterminate' : 'refused' })
    } finally {
      this.#pending--
    }
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await eventually('every publish is answered', () => this.#pending === 0, 60_000)
  }
}

/**
 * Redis stands still for `awayMs` under load (S5), and everybody's answers are looked at. `queueEvents`: so small that it
 * fills in that time.
 */
export async function redisStandsStill(scale: {
  readonly awayMs: number
  readonly queueEvents: number
  readonly notReadyAfterMs: number
  readonly everyMs: number
  readonly atOnce: number
}): Promise<void> {
  const { awayMs, queueEvents, notReadyAfterMs, everyMs, atOnce } = scale
  const server = await redisForTest({ keeps: 'log' })
  const store = storeOn(server.url, { commandTimeoutMs: 1_000 })
  const settings = { heartbeatMs: 400, notReadyAfterMs, publishQueue: { events: queueEvents, answerMs: 500 } }
  const { hub } = await openHub(store, settings)
  const readers = [new NotingReader(hub, 'a', ['a']), new NotingReader(hub, 'both', topics)]
  expect((await ask(hub, '/jobs', { id: 'j', owner: 'user:root', kind: 'k' })).status).toBe(201)
  const load = new Load(hub, everyMs, atOnce)
  await Promise.all(readers.map((reader) => reader.until(() => reader.events.length > 50)))
  expect((await ask(hub, '/ready')).status).toBe(200)
  const storeHealth = async (): Promise<string> => (await ask(hub, '/health')).body.parts.store
  expect(await storeHealth()).toBe('ok')
  const head = await store.head('default')

  server.pause()
  const began = performance.now()
  await untilAvailable(store, false)
  const noticedMs = performance.now() - began

  // Job commands and polls fail while Redis still stands, and say when to come back; a publish is taken and waits.
  const job = await ask(hub, '/jobs/j', { id: 'command', increment: { processed: 1 } }, 'PATCH')
  expect([job.status, job.body.code]).toEqual([503, 'store_unavailable'])
  expect(Number(job.headers.get('retry-after'))).toBeGreaterThan(0)
  const poll = await ask(hub, `/events?topic=a&since=${head.epoch}.${head.seq}`)
  expect(poll.status).toBe(503)
  expect(Number(poll.headers.get('retry-after'))).toBeGreaterThan(0)
  const queued = await ask(hub, '/events', { id: 'by http', topic: 'http', type: 'note', data: 1 })
  expect([queued.status, queued.body]).toEqual([202, { id: 'by http', queued: true }])
  expect(await storeHealth()).toBe('degraded')

  // Streams stay, and say so; a new one is taken and waits at its cursor.
  const since = readers.map((reader) => reader.controls.length)
  const late = new NotingReader(hub, 'late', topics, { lastEventId: readers[1]?.lastEventId as string })
  await late.until(() => late.controls.some(({ name }) => name === 'hello'))
  expect(late.controls.find(({ name }) => name === 'hello')?.data).toMatchObject({ degraded: true })
  await Promise.all(
    readers.map((reader, at) =>
      reader.until(() => reader.controls.slice(since[at]).some(({ name, data }) => name === 'ping' && data.degraded)),
    ),
  )
  const left = awayMs - (performance.now() - began)
  await pause(Math.max(0, left))
  // A busy machine publishes less in the same time.
  await eventually('the queue is full', () => load.publishes.some(({ outcome }) => outcome === 'refused'))
  expect((await ask(hub, '/ready')).status).toBe(503)
  const refused = await ask(hub, '/events', { id: 'refused', topic: 'http', type: 'note', data: 1 })
  expect([refused.status, refused.body.code]).toEqual([503, 'store_unavailable'])
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  const waiting = load.pending
  expect(waiting).toBeGreaterThan(queueEvents / 2)
  expect(readers.map(({ connects }) => connects)).toEqual([1, 1])

  server.resume()
  const back = performance.now()
  await untilAvailable(store)
  await eventually('it is ready again', async () => (await ask(hub, '/ready')).status === 200)
  await eventually('it is healthy again', async () => (await storeHealth()) === 'ok')
  await pause(500)
  await load.stop()
  const emptiedMs = performance.now() - back
  const log = await logOf(await openStore(server.url), topics)
  const all = [...readers, late]
  const last = log.at(-1)?.id as string
  const lastOfA = log.findLast((seen) => seen.topics.includes('a'))?.id as string
  await Promise.all(all.map((reader) => reader.until(() => reader.has(reader.name === 'a' ? lastOfA : last))))
  await Promise.all(
    all.map((reader) =>
      reader.until(() => reader.controls.findLast(({ name }) => name === 'ping')?.data.degraded === false),
    ),
  )
  for (const reader of all) reader.hangUp()
  const publishes = load.publishes
  const count = (outcome: string): number => publishes.filter((each) => each.outcome === outcome).length
  console.log(
    `away ${awayMs} ms: noticed after ${Math.round(noticedMs)} ms, ${waiting} waited, ${count('refused')} refused, ` +
      `all answered ${Math.round(emptiedMs)} ms after it was back; ${log.length} kept`,
  )
  expect(audit({ publishes, readers: all, log })).toEqual([])
  expect(count('indeterminate')).toBe(0)
  expect(count('acknowledged')).toBe(log.length)
  expect(all.map(({ gaps, connects }) => [gaps, connects])).toEqual(all.map(() => [[], 1]))
  const byHttp = await store.read('default', { topics: ['http'], after: 'start', limit: 10, maxBytes: 1e6 })
  expect(byHttp.events.map(({ id }) => id)).toEqual(['by http'])
  // The job command that failed did nothing, and can be sent again.
  const again = await ask(hub, '/jobs/j', { id: 'command', increment: { processed: 1 } }, 'PATCH')
  expect([again.status, again.body.job.counters.processed]).toEqual([200, 1])
}
