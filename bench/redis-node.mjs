// One hub node on Redis, told by its parent what to do: see redis.mjs.
import { createServer } from 'node:http'
import { createHub } from '../dist/index.js'
import { toNodeHandler } from '../dist/http/node.js'
import { redisStore } from '../dist/store/redis.js'

const { url } = JSON.parse(process.argv[2])
const hub = await createHub({ store: redisStore({ url }), development: true })
const server = createServer(toNodeHandler(hub)).listen(0, '127.0.0.1', () => {
  process.send({ port: server.address().port })
})

const text = 'x'.repeat(180)
const now = () => Number(process.hrtime.bigint() / 1000n)
const tasks = {
  /** `count` events from `publishers` loops, each waiting for its answer. */
  async throughput({ count, publishers, topics }) {
    const began = performance.now()
    const cpu = process.cpuUsage()
    let next = 0
    await Promise.all(
      Array.from({ length: publishers }, async () => {
        for (let n = next++; n < count; n = next++) {
          await hub.publish({ topic: `report:${n % topics}`, type: 'report.updated', data: { n, text } })
        }
      }),
    )
    const { user, system } = process.cpuUsage(cpu)
    return { seconds: (performance.now() - began) / 1000, cpuMicros: user + system }
  },
  /** `perSecond` events for `seconds`, each with the moment it was published, on a clock that all processes share. */
  async pace({ perSecond, seconds, topic }) {
    const began = performance.now()
    const total = perSecond * seconds
    const answers = []
    for (let n = 0; n < total; ) {
      const due = Math.min(total, Math.floor(((performance.now() - began) / 1000) * perSecond) + 1)
      for (; n < due; n++) answers.push(hub.publish({ topic, type: 'timed', data: { n, at: now(), text } }))
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    await Promise.all(answers)
    return { published: total }
  },
  /** Events spread evenly over topics, with ids named by the publisher or made by the hub. */
  async fill({ count, topics, named }) {
    for (let n = 0; n < count; ) {
      const burst = Array.from({ length: Math.min(1000, count - n) }, () => {
        const number = n++
        const id = named ? { id: `fill-${named}-${number}-abcdefgh` } : {}
        return {
          ...id,
          topic: `fill-${named}-${topics}:${number % topics}`,
          type: 'report.updated',
          data: { n: number, text },
        }
      })
      await hub.publish(burst)
    }
    return {}
  },
  async jobs({ count }) {
    for (let n = 0; n < count; n++) {
      const { job } = await hub.jobs.create({ owner: `user:${n}`, kind: 'crawl', total: 3 })
      await hub.jobs.run(job.id, async (running) => {
        void running.increment({ processed: 3 })
        return { pages: 3 }
      })
    }
    return {}
  },
}

// Whoever started it is gone: so is the reason for it.
process.on('disconnect', () => process.exit())
process.on('message', async ({ task, ...options }) => process.send({ done: await tasks[task](options) }))
