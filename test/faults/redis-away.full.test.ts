import { expect, test } from 'vitest'
import { redisStore } from '#src/store/redis.js'
import { noRedis, redisForTest } from '../fixtures/redis.js'
import { startHub } from '../http/server.js'

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

test.skipIf(noRedis)(
  'S5: Redis stopped for 30 s under load, with every setting as it comes: open streams stay, and all that was taken arrives',
  { timeout: 180_000 },
  async () => {
    const redis = await redisForTest({ keeps: 'log' })
    const hub = await startHub({ store: redisStore({ url: redis.url, retention: { events: 100_000 } }) })
    const readers = await Promise.all(
      Array.from({ length: 50 }, () => hub.stream({ topics: ['news'], timeoutMs: 60_000 })),
    )
    for (const reader of readers) await reader.control('hello')

    let sent = 0
    const taken: number[] = []
    const refused = { full: 0, other: [] as string[] }
    const work: Promise<void>[] = []
    let running = true
    const publisher = async (): Promise<void> => {
      while (running) {
        const data = sent++
        const done = hub.hub.publish({ topic: 'news', type: 'n', data }).then(
          () => void taken.push(data),
          (error: { code: string }) => {
            if (error.code === 'store_unavailable') refused.full++
            else refused.other.push(error.code)
          },
        )
        work.push(done)
        await sleep(10)
      }
    }
    const answers: number[] = []
    const overHttp = async (): Promise<void> => {
      while (running) answers.push((await hub.publish({ topic: 'other', type: 'n', data: 1 })).status)
    }
    // 500 a second: the queue of 10,000 is full after 20 s.
    const publishers = [...Array.from({ length: 5 }, publisher), overHttp()]
    await sleep(3_000)
    redis.pause()
    await sleep(30_000)
    expect((await hub.call('/ready')).status).toBe(503)
    // The store alone would be degraded; a full queue refuses publishes, which is what fails.
    expect((await hub.call('/health')).body).toMatchObject({
      status: 'failing',
      parts: { store: 'degraded', queue: 'failing', eventLoop: 'ok' },
    })
    const late = await hub.stream({ topics: ['news'], timeoutMs: 60_000 })
    expect(await late.control('hello')).toMatchObject({ degraded: true })
    const backMs = performance.now()
    redis.resume()
    while ((await hub.call('/ready')).status !== 200) await sleep(20)
    const readyAfterMs = performance.now() - backMs
    await sleep(2_000)
    running = false
    await Promise.all(publishers)
    await Promise.all(work)

    const stats = hub.hub.stats()
    console.log('30 s without Redis:', { sent, taken: taken.length, refused, readyAfterMs, ...stats })
    expect(refused.other).toEqual([])
    expect(refused.full).toBeGreaterThan(0)
    expect(taken.length + refused.full).toBe(sent)
    expect(stats.queuedEvents).toBe(0)
    expect(new Set(answers)).toEqual(new Set([201, 202, 503]))
    const last = await hub.hub.publish({ topic: 'news', type: 'n', data: 'end' })
    for (const reader of readers) {
      const heard = (await reader.until(({ data }) => data === 'end')).map(({ data }) => data)
      expect(heard).toEqual([...[...taken].sort((a, b) => a - b), 'end'])
      expect(reader.controls.filter(({ name }) => name === 'gap' || name === 'bye')).toEqual([])
    }
    await late.until(({ data }) => data === 'end')
    expect(last.cursor).not.toBeNull()
    expect(hub.errors).toHaveLength(1)
  },
)
