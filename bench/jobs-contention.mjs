// Fifty workers hammer one job: see README.md for the method. Bounded: about 40 s.
import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const dist = (file) => new URL(`../dist/${file}`, import.meta.url).href
const seconds = Number(process.env.SECONDS_EACH ?? 4)
const processes = 5
const all = 50
/** Increments that a caller leaves un-awaited before it waits for the last. */
const bursts = [1, 16]

/** The store, and what came of the appends that had a state to write. */
function counted(store) {
  const writes = { stored: 0, conflicts: 0 }
  const counting = new Proxy(store, {
    get(target, name) {
      const value = target[name]
      if (name !== 'append') return typeof value === 'function' ? value.bind(target) : value
      return async (namespace, append) => {
        const result = await target.append(namespace, append)
        if (append.states?.length) writes[result.outcome === 'conflict' ? 'conflicts' : 'stored']++
        return result
      }
    },
  })
  return { store: counting, writes }
}

async function openHub({ sqlite, redis }) {
  const { createHub } = await import(dist('index.js'))
  const { store, writes } = counted(
    sqlite
      ? (await import(dist('store/sqlite.js'))).sqliteStore(sqlite)
      : (await import(dist('store/redis.js'))).redisStore({ url: redis }),
  )
  const session = { userId: 'worker', publish: ['*'], subscribe: ['*'] }
  return { hub: await createHub({ store, authenticate: () => session }), writes }
}

/** Some callers in one process, for as long as asked. */
async function hammer(jobs, { jobId, burst, callers }) {
  const endAt = performance.now() + seconds * 1_000
  const delays = []
  let count = 0
  await Promise.all(
    Array.from({ length: callers }, async () => {
      const job = jobs.open(jobId)
      while (performance.now() < endAt) {
        const sentAt = performance.now()
        let last
        for (let nth = 0; nth < burst; nth++) last = job.increment({ processed: 1 })
        if (!(await last)) throw new Error('refused')
        count += burst
        delays.push(performance.now() - sentAt)
      }
      job.close()
    }),
  )
  return { count, delays }
}

const roles = {
  /** A hub on SQLite that others reach over HTTP. */
  async hub(options) {
    const { toNodeHandler } = await import(dist('http/node.js'))
    const { hub, writes } = await openHub(options)
    const server = createServer(toNodeHandler(hub)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    return { jobs: hub.jobs, writes, url: `http://127.0.0.1:${server.address().port}` }
  },
  async http({ url }) {
    const { connectJobs } = await import(dist('worker/index.js'))
    return { jobs: connectJobs({ url }), writes: { stored: 0, conflicts: 0 } }
  },
  async node(options) {
    const { hub, writes } = await openHub(options)
    return { jobs: hub.jobs, writes }
  },
}

const [role, options] = process.argv.slice(2)
if (role) {
  const { jobs, writes, url } = await roles[role](JSON.parse(options))
  process.on('message', async ({ create, go, writes: asked, sum }) => {
    if (create) process.send({ id: (await jobs.create({ owner: 'user:7', kind: 'hot' })).job.id })
    if (go) process.send(await hammer(jobs, go))
    if (asked) process.send({ ...writes })
    if (sum) process.send({ sum: (await jobs.snapshot(sum)).counters.processed })
  })
  process.send({ url })
} else await compare()

async function start(role, options) {
  const child = fork(fileURLToPath(import.meta.url), [role, JSON.stringify(options)])
  const [{ url }] = await once(child, 'message')
  return {
    url,
    async ask(message) {
      const answer = once(child, 'message')
      child.send(message)
      return (await answer)[0]
    },
    async end() {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

async function measure(name, owner, workers) {
  const callers = all / workers.length
  for (const burst of bursts) {
    const { id } = await owner.ask({ create: true })
    const before = await writesOf([owner, ...workers])
    const reports = await Promise.all(workers.map((worker) => worker.ask({ go: { jobId: id, burst, callers } })))
    const after = await writesOf([owner, ...workers])
    const delays = reports.flatMap((report) => report.delays).sort((a, b) => a - b)
    const count = reports.reduce((total, report) => total + report.count, 0)
    const { sum } = await owner.ask({ sum: id })
    const stored = after.stored - before.stored
    const at = (fraction) => `${delays[Math.floor((delays.length - 1) * fraction)].toFixed(0)} ms`
    console.log(
      `${name}, ${burst === 1 ? 'each awaited' : `each ${burst}th awaited`}: ${Math.round(count / seconds)} increments/s, ` +
        `p50 ${at(0.5)}, p99 ${at(0.99)}, slowest ${at(1)}; ${stored} writes, ` +
        `${((after.conflicts - before.conflicts) / stored).toFixed(2)} conflicts a write; ` +
        `sum ${sum === count ? 'exact' : `WRONG: ${sum} for ${count}`}`,
    )
  }
}

async function writesOf(children) {
  const total = { stored: 0, conflicts: 0 }
  for (const one of new Set(children)) {
    const { stored, conflicts } = await one.ask({ writes: true })
    total.stored += stored
    total.conflicts += conflicts
  }
  return total
}

async function compare() {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-contention-'))
  const running = []
  const started = async (...given) => {
    const child = await start(...given)
    running.push(child)
    return child
  }
  const endAll = async () => {
    for (const child of running.splice(0)) await child.end()
  }
  const wanted = (name) => (process.env.ONLY ?? 'alone,http,redis').split(',').includes(name)
  try {
    if (wanted('alone')) {
      const owner = await started('hub', { sqlite: join(folder, 'alone.db') })
      await measure(`SQLite, in the owner's process`, owner, [owner])
      await endAll()
    }
    if (wanted('http')) {
      const owner = await started('hub', { sqlite: join(folder, 'http.db') })
      const workers = await Promise.all(Array.from({ length: processes }, () => started('http', { url: owner.url })))
      await measure(`SQLite over HTTP, ${processes} processes`, owner, workers)
      await endAll()
    }
    if (wanted('redis')) {
      const redis = await startRedis(folder)
      const nodes = await Promise.all(Array.from({ length: processes }, () => started('node', { redis: redis.url })))
      await measure(`Redis, ${processes} processes`, nodes[0], nodes)
      await endAll()
      redis.child.kill('SIGKILL')
      await once(redis.child, 'exit')
    }
  } finally {
    await endAll()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function startRedis(folder) {
  const program = ['/usr/bin/redis-server', '/usr/local/bin/redis-server'].find(existsSync)
  if (!program) throw new Error('redis-server is not installed')
  const port = 20_000 + (process.pid % 10_000)
  const child = spawn(program, ['--port', String(port), '--save', '', '--dir', folder], { stdio: 'ignore' })
  for (;;) {
    const socket = createConnection({ port, host: '127.0.0.1' })
    const [event] = await Promise.race([
      once(socket, 'connect').then(() => ['connect']),
      once(socket, 'error').then(() => ['error']),
    ]).catch(() => ['error'])
    socket.destroy()
    if (event === 'connect') return { child, url: `redis://127.0.0.1:${port}` }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
