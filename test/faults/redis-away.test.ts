import { describe, expect, test } from 'vitest'
import type { Hub, HubOptions } from '#src/index.js'
import { redisStore } from '#src/store/redis.js'
import { seededRandom } from '#src/testing/seeded-random.js'
import { type RedisServer, noRedis, redisForTest } from '../fixtures/redis.js'
import { startHub } from '../http/server.js'

const seed = Number(process.env['TIDINGS_SEED'] ?? 11)
const until = async (reached: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await reached())) await new Promise((resolve) => setTimeout(resolve, 10))
}

/** A hub on a real Redis that notices within a second that it hangs. */
async function start(redis: RedisServer, options: Partial<HubOptions> = {}) {
  const store = redisStore({
    url: redis.url,
    commandTimeoutMs: 700,
    connectTimeoutMs: 500,
    retention: { events: 100_000 },
  })
  return { store, hub: await startHub({ store, publishQueue: { answerMs: 500 }, ...options }) }
}

const isAway = (hub: Hub): boolean => hub.stats().storeAwayMs > 0

/** Publishes without waiting, and notes how each ended. */
class Publishing {
  readonly outcomes = new Map<number, string>()
  readonly #hub: Hub
  readonly #work: Promise<void>[] = []

  constructor(hub: Hub) {
    this.#hub = hub
  }

  publish(count: number): void {
    for (; count > 0; count--) {
      const data = this.#work.length
      const note = (outcome: string): void => void this.outcomes.set(data, outcome)
      this.#work.push(
        this.#hub.publish({ topic: 'news', type: 'n', data }).then(
          () => note('stored'),
          (error: { code: string }) => note(error.code),
        ),
      )
    }
  }
  async done(): Promise<void> {
    await Promise.all(this.#work)
  }
  get stored(): number[] {
    return [...this.outcomes].filter(([, outcome]) => outcome === 'stored').map(([data]) => data)
  }
}

const ascending = (numbers: Iterable<number>): number[] => [...numbers].sort((a, b) => a - b)

describe.skipIf(noRedis)('a hub whose Redis goes away', () => {
  test(`S5, faults 13, 22: stopped under load: streams stay, publishes wait, all is stored once and in order (seed ${seed})`, async () => {
    const redis = await redisForTest({ keeps: 'log' })
    const { hub } = await start(redis, { notReadyAfterMs: 1_000 })
    const random = seededRandom(seed)
    const publishing = new Publishing(hub.hub)
    const reader = await hub.stream({ topics: ['news'] })
    await reader.control('hello')
    publishing.publish(50)
    await until(() => publishing.outcomes.size === 50)

    for (const stop of ['pause', 'kill', 'client pause'] as const) {
      publishing.publish(Math.ceil(random.fraction() * 500))
      if (stop === 'pause') redis.pause()
      else if (stop === 'kill') await redis.kill()
      else await redis.command('CLIENT', 'PAUSE', 10_000, 'ALL')
      publishing.publish(Math.ceil(random.fraction() * 500))
      await until(() => isAway(hub.hub))
      publishing.publish(Math.ceil(random.fraction() * 500))
      while (!(await reader.control('ping')).degraded);
      const queued = await hub.publish({ topic: 'other', type: 'n', data: stop })
      expect([queued.status, queued.body]).toEqual([202, { id: queued.body.id, queued: true }])
      const late = await hub.stream({ topics: ['other'] })
      expect(await late.control('hello')).toMatchObject({ degraded: true })
      expect((await hub.call('/health')).body).toMatchObject({ status: 'degraded', store: { kind: 'redis' } })
      if (stop === 'kill') await until(async () => (await hub.call('/ready')).status === 503)
      const job = await hub.call('/jobs', { body: { owner: 'user:7', kind: 'crawl' } })
      expect([job.status, job.headers.has('retry-after')]).toEqual([503, true])

      if (stop === 'pause') redis.resume()
      else if (stop === 'kill') await redis.start()
      await until(() => !isAway(hub.hub))
      publishing.publish(Math.ceil(random.fraction() * 100))
      await publishing.done()
      expect(await late.next()).toMatchObject({ data: stop })
      expect((await hub.call('/ready')).status).toBe(200)
      await late.close()
    }
    const count = publishing.outcomes.size
    expect(publishing.stored).toHaveLength(count)
    await until(() => reader.all().length === count)
    const heard = reader.all().map(({ data }) => data as number)
    expect(heard).toEqual(Array.from({ length: count }, (_, index) => index))
    expect(reader.controls.filter(({ name }) => name === 'gap')).toEqual([])
    expect(hub.hub.stats()).toMatchObject({ queuedEvents: 0, queuedBytes: 0, storeTimesAway: 3 })
    // Once per change, whatever failed meanwhile.
    expect(hub.errors).toHaveLength(3)
  })

  test('S5: a full queue is refused, and what was taken is stored', async () => {
    const redis = await redisForTest({ keeps: 'log' })
    const { hub } = await start(redis, { publishQueue: { events: 100, answerMs: 500 } })
    const publishing = new Publishing(hub.hub)
    publishing.publish(1)
    await publishing.done()
    await redis.kill()
    await until(() => isAway(hub.hub))
    publishing.publish(150)
    const refused = await hub.publish({ topic: 'news', type: 'n', data: 'too much' })
    expect([refused.status, refused.headers.has('retry-after')]).toEqual([503, true])
    await redis.start()
    await publishing.done()
    expect(ascending(publishing.stored)).toEqual(Array.from({ length: 101 }, (_, index) => index))
    const { events } = (await hub.poll('topic=news&since=start')).body
    expect(events.map(({ data }) => data)).toEqual(publishing.stored)
  })

  test('S5, D4, fault 17: restarted empty: a gap of the epoch, what waited follows, and nobody is stuck', async () => {
    const redis = await redisForTest()
    const { hub } = await start(redis)
    const { job } = (await hub.call<{ job: { id: string } }>('/jobs', { body: { owner: 'user:7', kind: 'crawl' } }))
      .body
    for (const data of [1, 2, 3]) await hub.publish({ topic: 'news', type: 'n', data })
    const reader = await hub.stream({ topics: ['news', `job:${job.id}`], since: 'start' })
    await reader.until(({ data }) => data === 3)
    await redis.kill()
    await until(() => isAway(hub.hub))
    const waiting = hub.hub.publish({ topic: 'news', type: 'n', data: 4 })
    await redis.start()
    await waiting
    expect(await reader.control('gap')).toMatchObject({ reason: 'epoch' })
    expect(await reader.next()).toMatchObject({ data: 4 })
    await hub.publish({ topic: 'news', type: 'n', data: 5 })
    expect(await reader.next()).toMatchObject({ data: 5 })
    expect(new Set(reader.all().map(({ id }) => id)).size).toBe(reader.all().length)
  })

  test('fault 21: the subscriber connection alone is cut: nothing is lost, nothing comes twice', async () => {
    const redis = await redisForTest()
    const { hub } = await start(redis)
    const reader = await hub.stream({ topics: ['news'] })
    await reader.control('hello')
    const publishing = new Publishing(hub.hub)
    for (let cut = 0; cut < 5; cut++) {
      publishing.publish(40)
      await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
      publishing.publish(40)
      await publishing.done()
      await until(() => reader.all().length === 80 * (cut + 1))
    }
    expect(reader.all().map(({ data }) => data)).toEqual(Array.from({ length: 400 }, (_, index) => index))
    expect(hub.hub.stats().storeTimesAway).toBe(0)
  })

  test('fault 16: Redis out of memory: a publish is refused, not acknowledged and not queued, and streams stay', async () => {
    const redis = await redisForTest({ settings: { 'maxmemory-policy': 'noeviction' } })
    const { hub } = await start(redis)
    await hub.publish({ topic: 'news', type: 'n', data: 1 })
    const reader = await hub.stream({ topics: ['news'], since: 'start' })
    await reader.next()
    await redis.command('CONFIG', 'SET', 'maxmemory', '1mb')
    const refused = await hub.publish({ topic: 'news', type: 'n', data: 2 })
    expect([refused.status, refused.headers.has('retry-after')]).toEqual([507, true])
    expect(hub.hub.stats()).toMatchObject({ queuedEvents: 0, storeTimesAway: 0 })
    await redis.command('CONFIG', 'SET', 'maxmemory', '0')
    expect((await hub.publish({ topic: 'news', type: 'n', data: 3 })).status).toBe(201)
    expect(await reader.next()).toMatchObject({ data: 3 })
  })

  test('fault 12: Redis is down when the hub starts, and comes', async () => {
    const redis = await redisForTest()
    await redis.kill()
    const { hub } = await start(redis)
    expect((await hub.call('/ready')).status).toBe(503)
    const reader = await hub.stream({ topics: ['news'] })
    expect(await reader.control('hello')).toMatchObject({ degraded: true })
    const first = hub.hub.publish({ topic: 'news', type: 'n', data: 'first' })
    await redis.start()
    await first
    expect(await reader.next()).toMatchObject({ data: 'first' })
    expect((await hub.call('/ready')).status).toBe(200)
    expect((await hub.call('/jobs', { body: { owner: 'user:7', kind: 'crawl' } })).status).toBe(201)
  })

  test('E7, fault 25: volatile events pass between two nodes, and within one while Redis is away', async () => {
    const redis = await redisForTest()
    const one = (await start(redis)).hub
    const other = (await start(redis)).hub
    const here = await one.stream({ topics: ['news'] })
    const there = await other.stream({ topics: ['news'] })
    const say = (data: string) => one.hub.publish({ topic: 'news', type: 'n', data, volatile: true })
    await one.hub.publish({ topic: 'news', type: 'n', data: 'kept' })
    expect([await here.next(), await there.next()]).toMatchObject([{ data: 'kept' }, { data: 'kept' }])
    await say('typing')
    expect([await here.next(), await there.next()]).toMatchObject([{ data: 'typing' }, { data: 'typing' }])
    await redis.kill()
    await until(() => isAway(one.hub) && isAway(other.hub))
    await say('still typing')
    expect(await here.next()).toMatchObject({ data: 'still typing', volatile: true })
    await redis.start()
    await one.hub.publish({ topic: 'news', type: 'n', data: 'back' })
    expect([await here.next(), await there.next()]).toMatchObject([{ data: 'back' }, { data: 'back' }])
  })
})
