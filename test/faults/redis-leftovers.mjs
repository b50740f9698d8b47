// A hub on Redis whose clock a test moves: jobs that begin and end and topics that come and go, and what is left of them.
// `--expose-gc`. Answers { round: n } with the sizes after n jobs and n topics are gone.
import { createHub } from '../../dist/index.js'
import { redisStore } from '../../dist/store/redis.js'
import { fakeClock } from '../../dist/testing/fake-clock.js'

const [url] = process.argv.slice(2)
const clock = fakeClock(Date.now())
const ageMs = 10 * 60_000
const store = redisStore({
  url,
  clock,
  retention: { ageMs, personalAgeMs: ageMs },
  idWindow: { ageMs: 60_000 },
  commandTimeoutMs: 2 ** 30,
  connectTimeoutMs: 2 ** 30,
})
const errors = []
const session = { userId: 'root', subscribe: ['*'], publish: ['*'] }
const hub = await createHub({
  authenticate: () => session,
  store,
  clock,
  onError: (error, stage) => errors.push(`${stage}: ${error}`),
})

/** In parts, so that Redis and this process are asked for no more than in real life. */
async function inParts(count, each) {
  for (let from = 0; from < count; from += 100) {
    await Promise.all(Array.from({ length: Math.min(100, count - from) }, (_, at) => each(from + at)))
    await clock.advance(100)
  }
}

async function work(round, count) {
  await inParts(count, async (n) => {
    const id = `job-${round}-${n}`
    const reader = hub.subscribe([`job:${id}`], { since: 'start' })
    const first = reader.next()
    const { job } = await hub.jobs.create({ id, owner: `user:${n % 50}`, kind: 'short', ttlMs: 60_000 })
    await first
    await reader.return()
    await job.increment({ processed: 1 })
    await job.complete({ result: n })
  })
  await inParts(count, async (n) => {
    const topic = `topic:${round}:${n}`
    const reader = hub.subscribe([topic])
    const first = reader.next()
    await new Promise((resolve) => setImmediate(resolve))
    await hub.publish({ topic, type: 'note', data: { n, text: 'x'.repeat(100) } })
    void first
    await reader.return()
  })
}

/**
 * Time goes by until nothing is due any more: jobs are taken away at their end + ttl, events at their age, and what tells
 * that a topic was erased within twice that.
 */
async function passTime() {
  for (let passed = 0; passed < ageMs * 2.2; passed += 30_000) {
    await clock.advance(30_000)
    // The clock does not wait for Redis: what the hub asked for at its own ticks is asked for again, and waited for.
    await store.maintain()
    while ((await store.due({ limit: 1, pauseMs: ageMs })).length > 0) {
      await clock.advance(1_000)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
  await store.maintain()
}

process.on('message', async ({ round, count }) => {
  try {
    await work(round, count)
    await passTime()
    globalThis.gc()
    await new Promise((resolve) => setTimeout(resolve, 50))
    globalThis.gc()
    const { heapUsed } = process.memoryUsage()
    process.send({ heapUsed, timers: clock.pending, errors: errors.splice(0, 5), stats: hub.stats() })
  } catch (error) {
    process.send({ failed: String(error?.stack ?? error), errors: errors.splice(0, 5) })
  }
})
process.send({ ready: true })
