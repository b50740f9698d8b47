// What the Redis store takes and gives: see README.md for the method. Starts its own redis-server and nodes.
import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { get } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'

const rounds = Number(process.env.ROUNDS ?? 3)
const events = Number(process.env.EVENTS ?? 60_000)
const folder = mkdtempSync(join(tmpdir(), 'tidings-bench-redis-'))
const children = []

const port = await freePort()
// Acknowledged writes survive the death of Redis, and are on the disk a second later: the recommended way to keep.
const keeps = (process.env.KEEPS ?? '--appendonly yes --appendfsync everysec --save').split(' ')
const server = spawn(
  'redis-server',
  ['--port', `${port}`, '--dir', folder, '--daemonize', 'no', ...keeps, ...(keeps.at(-1) === '--save' ? [''] : [])],
  { stdio: 'ignore' },
)
const url = `redis://127.0.0.1:${port}`
const redis = new Redis(url, { maxRetriesPerRequest: null })
redis.on('error', () => {})
await redis.ping()

/** Published in process, 64 publishers in each of `nodes` nodes; nobody reads. */
async function publishing(count) {
  const nodes = await startNodes(count)
  const options = { count: Math.round(events / count), publishers: 64, topics: 100 }
  // Unmeasured: compilers need about 50,000 publishes to get warm.
  await all(nodes, 'throughput', options)
  const seen = { perSecond: [], nodeMicros: [], redisMicros: [], calls: [] }
  for (let round = 0; round < rounds; round++) {
    await redis.flushall()
    const before = await usage()
    const began = performance.now()
    const results = await all(nodes, 'throughput', options)
    const seconds = (performance.now() - began) / 1000
    const after = await usage()
    const published = options.count * count
    seen.perSecond.push(published / seconds)
    seen.nodeMicros.push(results.reduce((sum, { cpuMicros }) => sum + cpuMicros, 0) / published)
    seen.redisMicros.push((after.cpuMicros - before.cpuMicros) / published)
    seen.calls.push(callsOf(before, after, 'evalsha') / published)
  }
  const name = count === 1 ? 'one node' : `${count} nodes`
  show(`published, ${name}, 64 publishers each`, seen.perSecond, '/s')
  show(`  CPU of ${name}`, seen.nodeMicros, 'µs a publish', 1)
  show('  CPU of Redis', seen.redisMicros, 'µs a publish', 1)
  show('  script calls', seen.calls, 'a publish', 3)
  await stop(nodes)
}

/** Published in process on one node, received over HTTP streams of another. */
async function latency() {
  const [publisher, reader] = await startNodes(2)
  const streams = await openStreams(reader, 10, 'all', (data, at) => delays.push(at - data.at))
  let delays = []
  await all([publisher], 'pace', { perSecond: 1000, seconds: 1, topic: 'all' })
  const seen = { p50: [], p99: [], most: [] }
  for (let round = 0; round < rounds; round++) {
    delays = []
    const seconds = 3
    await all([publisher], 'pace', { perSecond: 1000, seconds, topic: 'all' })
    while (delays.length < 1000 * seconds * streams.length) await wait(5)
    delays.sort((a, b) => a - b)
    const at = (part) => delays[Math.floor((delays.length - 1) * part)] / 1000
    seen.p50.push(at(0.5))
    seen.p99.push(at(0.99))
    seen.most.push(at(1))
  }
  show('publish on one node → receive on another, 1,000/s: p50', seen.p50, 'ms', 2)
  show('  p99', seen.p99, 'ms', 2)
  show('  longest', seen.most, 'ms', 2)
  for (const stream of streams) stream.destroy()
  await stop([publisher, reader])
}

/** Commands that Redis gets while nothing is published, by how many readers two nodes have. */
async function idle() {
  const nodes = await startNodes(2)
  for (const readers of [2, 300]) {
    const streams = []
    for (const node of nodes) streams.push(...(await openStreams(node, readers / 2, 'all')))
    await wait(1_000)
    const before = await usage()
    const seconds = 6
    await wait(seconds * 1_000)
    const after = await usage()
    const names = Object.keys(after.calls).filter((name) => !['info', 'ping'].includes(name))
    const counts = names.map((name) => [name, callsOf(before, after, name)]).filter(([, count]) => count > 0)
    const sum = counts.reduce((total, [, count]) => total + count, 0)
    console.log(
      `${`${readers} idle readers on 2 nodes`.padEnd(60)} ${(sum / seconds).toFixed(1).padStart(9)} commands/s (${counts.map(([name, count]) => `${name} ${count}`).join(', ')} in ${seconds} s)`,
    )
    for (const stream of streams) stream.destroy()
    await wait(500)
  }
  await stop(nodes)
}

/** Bytes in Redis by what is kept. */
async function memory() {
  const nodes = await startNodes(1)
  const cost = async (what, each, task, options) => {
    await redis.flushall()
    // The first event makes the namespace.
    await all(nodes, 'fill', { count: 1, topics: 1, named: 'first' })
    const before = await used()
    await all(nodes, task, options)
    const bytes = (await used()) - before
    const ids = await bytesOf(/:ids:/)
    console.log(
      `${what.padEnd(60)} ${Math.round(bytes / options.count)
        .toLocaleString('en')
        .padStart(9)} bytes ${each} (of these ${Math.round(ids / options.count)} remember ids, for 5 minutes)`,
    )
  }
  await cost('kept: 20,000 events of 200 bytes in 100 topics', 'an event', 'fill', { count: 20_000, topics: 100 })
  await cost('kept: 20,000 events of 200 bytes, each its own topic', 'an event', 'fill', {
    count: 20_000,
    topics: 20_000,
  })
  await cost('kept: 20,000 events with ids named by the publisher', 'an event', 'fill', {
    count: 20_000,
    topics: 100,
    named: 'n',
  })
  await cost('kept: 1,000 jobs that ended, with their events', 'a job', 'jobs', { count: 1_000 })
  await stop(nodes)
}

async function startNodes(count) {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const child = fork(fileURLToPath(new URL('./redis-node.mjs', import.meta.url)), [JSON.stringify({ url })])
      children.push(child)
      const [{ port }] = await once(child, 'message')
      return { child, port }
    }),
  )
}

const all = (nodes, task, options) =>
  Promise.all(
    nodes.map(async ({ child }) => {
      const answer = once(child, 'message')
      child.send({ task, ...options })
      return (await answer)[0].done
    }),
  )

const stop = (nodes) =>
  Promise.all(
    nodes.map(async ({ child }) => {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }),
  )

/** Streams of one topic; each event is handed on with the moment its bytes came. */
async function openStreams({ port }, count, topic, heard = () => {}) {
  return Promise.all(
    Array.from({ length: count }, async (_, number) => {
      const request = get(`http://127.0.0.1:${port}/events?topic=${topic}&userId=reader-${number}`, { agent: false })
      const [response] = await once(request, 'response')
      if (response.statusCode !== 200) throw new Error(`a stream was refused: ${response.statusCode}`)
      let rest = ''
      response.setEncoding('utf8').on('data', (part) => {
        const at = Number(process.hrtime.bigint() / 1000n)
        const lines = (rest + part).split('\n')
        rest = lines.pop()
        for (const line of lines) {
          if (line.startsWith('data: {"id"')) heard(JSON.parse(line.slice(6)).data, at)
        }
      })
      await once(response, 'data')
      return response
    }),
  )
}

async function usage() {
  const info = await redis.info('all')
  const calls = Object.fromEntries(
    [...info.matchAll(/cmdstat_([^:]+):calls=(\d+)/g)].map(([, name, n]) => [name, Number(n)]),
  )
  const field = (name) => Number(info.match(new RegExp(`^${name}:(.*)$`, 'm'))?.[1])
  return { calls, cpuMicros: (field('used_cpu_user') + field('used_cpu_sys')) * 1e6 }
}

const callsOf = (before, after, name) => (after.calls[name] ?? 0) - (before.calls[name] ?? 0)

async function used() {
  return Number((await redis.info('memory')).match(/used_memory:(\d+)/)[1])
}

async function bytesOf(pattern) {
  let sum = 0
  for (const key of await redis.keys('*')) if (pattern.test(key)) sum += await redis.memory('USAGE', key, 'SAMPLES', 0)
  return sum
}

function show(name, values, unit, digits = 0) {
  const say = (value) => value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
  const median = values.toSorted((a, b) => a - b)[values.length >> 1]
  console.log(`${name.padEnd(60)} ${say(median).padStart(9)} ${unit} (${values.map(say).join(', ')})`)
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address()
  probe.close()
  await once(probe, 'close')
  return port
}

try {
  await publishing(1)
  await publishing(3)
  await latency()
  await idle()
  await memory()
} finally {
  redis.disconnect()
  for (const child of children) child.kill('SIGKILL')
  server.kill('SIGKILL')
  await once(server, 'exit')
  rmSync(folder, { recursive: true, force: true })
}
