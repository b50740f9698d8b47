// What a second worker costs: deliveries per CPU-second of `tidings serve --workers 1` and `2` on one Redis, round by round, and
// what it would cost to hand every announcement from a process that owns a SQLite file to another. Under a minute.
import { execFileSync, fork, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHub } from '../dist/index.js'
import { redisStore } from '../dist/store/redis.js'
import { median, shortNumber } from './runner/figures.mjs'
import { Load } from './runner/load.mjs'
import { cpuSeconds } from './runner/program.mjs'

if (process.argv[2] === 'announcements') {
  process.on('message', ({ end }) => void (end && process.send(process.cpuUsage(), () => process.exit())))
  process.send({})
} else await main()

async function main() {
  const rounds = Number(process.env.ROUNDS ?? 3)
  const streams = 1_000
  const here = new URL('.', import.meta.url).pathname
  const folder = mkdtempSync(join(tmpdir(), 'tidings-bench-'))
  const binary = join(folder, 'load')
  execFileSync('gcc', ['-O2', '-o', binary, join(here, 'load/load.c')])
  const redisPort = await freePort()
  const redis = spawn('taskset', ['-c', '1', 'redis-server', '--port', redisPort, '--save', '', '--dir', folder], {
    stdio: 'ignore',
  })
  const url = `redis://127.0.0.1:${redisPort}`
  await new Promise((resolve) => setTimeout(resolve, 500))
  const hub = await createHub({ store: redisStore({ url }), development: true })
  const results = { 1: [], 2: [] }
  try {
    for (let round = 0; round < rounds; round++) {
      for (const workers of [1, 2]) {
        const figures = await measure({ workers, url, binary, hub, here, streams })
        results[workers].push(figures)
        process.stderr.write(`${workers}: ${JSON.stringify(figures)}\n`)
      }
    }
    const announcement = await announcements()
    for (const kind of ['single', 'burst']) {
      const [one, two] = [1, 2].map((workers) => median(results[workers].map((figures) => figures[kind])))
      const spread = ({ median: middle, least, most }) =>
        `${shortNumber(middle)} µs (${shortNumber(least)}–${shortNumber(most)})`
      console.log(
        `${kind}: one worker ${spread(one)} a delivery, two ${spread(two)}: ${(one.median / two.median).toFixed(2)}× the deliveries per CPU-second`,
      )
    }
    console.log(`one announcement from process to process: ${announcement.toFixed(1)} µs of CPU on both sides`)
  } finally {
    await hub.close({ drainMs: 0 })
    redis.kill()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function measure({ workers, url, binary, hub, here, streams }) {
  const args = [join(here, '../bin/tidings.js'), 'serve', '--dev', '--port', '0', '--store', url, '--workers', workers]
  const limits = ['--max-connections', 'none', '--connect-rate', 'none', '--log-level', 'warn']
  const server = spawn('taskset', ['-c', '0', process.execPath, ...args, ...limits], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const load = new Load(binary, 1)
  try {
    const [line] = await once(createInterface({ input: server.stdout }), 'line')
    const port = Number(new URL(line.replace('tidings ready ', '')).port)
    load.aim({ port, path: '/events?topic=user:7&userId=7' })
    await load.open(streams)
    let number = 0
    const publish = (many) =>
      hub.publish(
        Array.from({ length: many }, () => ({
          topic: 'user:7',
          type: 'report.updated',
          data: { text: `@@${number++}:${process.hrtime.bigint()}@@${'x'.repeat(150)}` },
        })),
      )
    /** CPU µs of a delivery; `many` events together, `times` times, `everyMs`. */
    const cost = async (many, times, everyMs) => {
      const before = cpuSeconds(server.pid)
      const report = await load.expect(many * times, 60_000, async () => {
        for (let time = 0; time < times; time++) {
          await publish(many)
          await new Promise((resolve) => setTimeout(resolve, everyMs))
        }
      })
      if (report.outOfOrder > 0) throw new Error(JSON.stringify(report))
      return ((cpuSeconds(server.pid) - before) / (many * times * streams)) * 1e6
    }
    await cost(1, 50, 10)
    return { single: await cost(1, 300, 12), burst: await cost(16, 100, 30) }
  } finally {
    await load.end()
    server.kill('SIGTERM')
    await once(server, 'exit')
  }
}

/** CPU µs, of both sides, to hand one announcement of 300 bytes to another process over the channel that Node gives them. */
async function announcements() {
  const count = 100_000
  const child = fork(new URL(import.meta.url).pathname, ['announcements'])
  await once(child, 'message')
  const before = process.cpuUsage()
  const announcement = { seq: 1, prev: 0, topics: ['user:7'], body: 'x'.repeat(260) }
  for (let sent = 0; sent < count; sent += 100) {
    for (let one = 0; one < 99; one++) child.send(announcement)
    await new Promise((resolve) => child.send(announcement, resolve))
  }
  const answer = once(child, 'message')
  child.send({ end: true })
  const [theirs] = await answer
  const ours = process.cpuUsage(before)
  return (ours.user + ours.system + theirs.user + theirs.system) / count
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  return String(port)
}
