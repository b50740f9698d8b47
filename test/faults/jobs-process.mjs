// A process of the tests of jobs: a hub that others reach over HTTP, or a worker, over HTTP (`url`) or with a hub of its own
// on the same Redis. A worker counts each of its jobs up, without awaiting, until it is told to finish or its signal fires.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { createHub } from '../../dist/index.js'
import { toNodeHandler } from '../../dist/http/node.js'
import { connectJobs } from '../../dist/worker/index.js'

const {
  serve,
  redis,
  sqlite,
  url,
  port = 0,
  options = {},
  work = [],
  everyMs = 50,
  hammer,
} = JSON.parse(process.argv[2])
const session = { userId: 'root', subscribe: ['*'], publish: ['*'] }
const say = (message) => process.connected && process.send({ ...message, now: Date.now() })
const onError = (error) => say({ error: error.code ?? String(error) })

async function openStore() {
  if (redis) return (await import('../../dist/store/redis.js')).redisStore({ url: redis })
  return (await import('../../dist/store/sqlite.js')).sqliteStore(sqlite)
}
const hub = url ? null : await createHub({ authenticate: () => session, onError, ...options, store: await openStore() })
if (serve) {
  const server = createServer(toNodeHandler(hub)).listen(port, '127.0.0.1')
  await once(server, 'listening')
  say({ port: server.address().port })
}
const jobs = hub ? hub.jobs : connectJobs({ url, onError })
const finish = new AbortController()
process.on('message', () => finish.abort())
process.on('disconnect', () => process.exit())

for (const id of work) {
  void jobs
    .run(id, async (job, signal) => {
      say({ running: id })
      let counted = 0
      while (!finish.signal.aborted && !signal.aborted) {
        void job.increment({ processed: 1 })
        counted++
        await setTimeout(everyMs, null, { signal }).catch(() => {})
      }
      if (signal.aborted) say({ aborted: id, code: signal.reason.code })
      return counted
    })
    .then(({ status, counters, result }) => say({ ended: id, status, processed: counters.processed, counted: result }))
    .catch((error) => say({ failed: id, code: error.code, message: error.message }))
}

// As many callers as asked count one job up at once, each waiting for every fifth increment.
if (hammer) {
  const { id, callers, count } = hammer
  const slowest = await Promise.all(
    Array.from({ length: callers }, async () => {
      const job = jobs.open(id)
      let slowestMs = 0
      for (let nth = 1; nth <= count; nth++) {
        const sentAt = performance.now()
        const accepted = job.increment({ processed: 1 })
        if (nth % 5 !== 0) continue
        if (!(await accepted)) throw new Error('An increment was refused.')
        slowestMs = Math.max(slowestMs, performance.now() - sentAt)
      }
      job.close()
      return slowestMs
    }),
  )
  say({ ended: id, counted: callers * count, slowestMs: Math.max(...slowest) })
}
