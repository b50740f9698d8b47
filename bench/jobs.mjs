// What one hot job costs in the process that owns it: see README.md for the method.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../dist/clock.js'
import { uuidv7Ids } from '../dist/ids.js'
import { createJobs } from '../dist/jobs/jobs.js'
import { systemRandom } from '../dist/random.js'
import { memoryStore } from '../dist/store/memory.js'
import { sqliteStore } from '../dist/store/sqlite.js'

const callers = Number(process.env.CALLERS ?? 50)
const seconds = Number(process.env.SECONDS ?? 5)
const rounds = Number(process.env.ROUNDS ?? 3)
const only = process.env.STORE
const namespace = 'default'
const makeId = uuidv7Ids(systemClock, systemRandom)

const folder = mkdtempSync(join(tmpdir(), 'tidings-bench-'))
const stores = {
  memory: () => memoryStore(),
  sqlite: (round) => sqliteStore(join(folder, `${round}.db`)),
}

const number = (value) => Math.round(value).toLocaleString('en')
const median = (values) => values.toSorted((one, other) => one - other)[values.length >> 1]

/** `callers` loops, each sending its next increment when the one before has been answered. */
async function hammer(send, forMs) {
  const until = performance.now() + forMs
  let sent = 0
  let slowestMs = 0
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (performance.now() < until) {
        const at = performance.now()
        await send()
        slowestMs = Math.max(slowestMs, performance.now() - at)
        sent++
      }
    }),
  )
  return { sent, slowestMs }
}

async function round(make, nth) {
  const store = make(nth)
  await store.open()
  const jobs = createJobs({ store, clock: systemClock, random: systemRandom, makeId, onError: console.error })
  jobs.start()
  await jobs.create(namespace, { id: 'hot', owner: 'user:7', kind: 'bench', total: 1_000_000_000 })
  const send = () =>
    jobs.command(namespace, 'hot', { id: makeId(), attempt: 1, action: 'update', increment: { processed: 1 } })
  await hammer(send, 500)
  const before = jobs.stats()
  const cpu = process.cpuUsage()
  const startedAt = performance.now()
  const { sent, slowestMs } = await hammer(send, seconds * 1_000)
  const tookMs = performance.now() - startedAt
  const { user, system } = process.cpuUsage(cpu)
  const after = jobs.stats()
  const { counters } = await jobs.snapshot(namespace, 'hot')
  if (counters.processed !== after.updates) throw new Error(`${counters.processed} counted, ${after.updates} sent`)
  const handle = jobs.face(namespace).open('hot')
  const many = 1_000_000
  const handleAt = performance.now()
  for (let nth = 0; nth < many; nth += 1_000) {
    for (let each = 0; each < 1_000; each++) void handle.increment({ processed: 1 })
    await new Promise(setImmediate)
  }
  await handle.set({ stage: 'done' })
  const handleMs = performance.now() - handleAt
  const handleEvents = jobs.stats().progressEvents - after.progressEvents
  handle.close()
  const result = {
    perSecond: (sent / tookMs) * 1_000,
    slowestMs,
    cpuUs: (user + system) / sent,
    perWrite: (after.updates - before.updates) / (after.writes - before.writes),
    events: after.progressEvents - before.progressEvents,
    eventsPerSecond: ((after.progressEvents - before.progressEvents) / tookMs) * 1_000,
    handlePerSecond: (many / handleMs) * 1_000,
    handleEvents,
    conflicts: after.conflicts - before.conflicts,
    group: await group(jobs),
    bytesPerJob: await bytesPerJob(jobs, store),
  }
  await jobs.close()
  await store.close()
  return result
}

/** Forty children on the fourth level: each command writes its job, and what it publishes counts in three more. */
async function group(jobs) {
  await jobs.create(namespace, { id: 'g0', owner: 'user:9', kind: 'bench' })
  for (const [id, parent] of [
    ['g1', 'g0'],
    ['g2', 'g1'],
  ])
    await jobs.create(namespace, { id, parent, owner: 'user:9', kind: 'bench' })
  const leaves = Array.from({ length: 40 }, (_, nth) => `leaf${nth}`)
  for (const id of leaves)
    await jobs.create(namespace, { id, parent: 'g2', owner: 'user:9', kind: 'bench', total: 1_000_000 })
  let nth = 0
  const before = jobs.stats()
  const startedAt = performance.now()
  const { sent, slowestMs } = await hammer(
    () =>
      jobs.command(namespace, leaves[nth++ % 40], {
        id: makeId(),
        attempt: 1,
        action: 'update',
        increment: { processed: 1 },
      }),
    seconds * 500,
  )
  const perSecond = (sent / (performance.now() - startedAt)) * 1_000
  for (const id of leaves) await jobs.command(namespace, id, { id: 'end', action: 'complete' })
  const { counters } = await jobs.snapshot(namespace, 'g0')
  if (counters.processed !== sent) throw new Error(`${counters.processed} counted at the top, ${sent} sent`)
  return { perSecond, slowestMs, perWrite: sent / (jobs.stats().writes - before.writes) }
}

/** What a finished job of ordinary size leaves in the store until its time is over. */
async function bytesPerJob(jobs, store) {
  await jobs.create(namespace, {
    id: 'kept',
    owner: 'user:8',
    kind: 'bench',
    total: 40,
    meta: { url: 'https://example.test/' },
  })
  for (let nth = 0; nth < 40; nth++)
    await jobs.command(namespace, 'kept', { id: `${nth}`, action: 'update', increment: { processed: 1 } })
  await jobs.command(namespace, 'kept', { id: 'end', action: 'complete', result: { pages: 40 } })
  const { state } = await store.state(namespace, 'job:kept')
  const events = await store.describe(namespace, 'job:kept')
  return { state: Buffer.byteLength(state.value), events: events.count, eventBytes: events.bytes }
}

for (const [name, make] of Object.entries(stores)) {
  if (only && only !== name) continue
  const results = []
  for (let nth = 0; nth < rounds; nth++) results.push(await round(make, `${name}-${nth}`))
  const of = (member) => median(results.map((result) => result[member]))
  const [{ bytesPerJob: kept }] = results
  console.log(`${name}: one job, ${callers} callers, ${seconds} s, median of ${rounds} rounds`)
  console.log(
    `  increments a second   ${number(of('perSecond'))}  (${results.map(({ perSecond }) => number(perSecond)).join(', ')})`,
  )
  console.log(
    `  slowest command       ${of('slowestMs').toFixed(1)} ms  (${results.map(({ slowestMs }) => slowestMs.toFixed(1)).join(', ')})`,
  )
  console.log(`  CPU of all threads    ${of('cpuUs').toFixed(1)} µs an increment`)
  console.log(`  increments a write    ${of('perWrite').toFixed(1)}`)
  console.log(`  progress events       ${of('eventsPerSecond').toFixed(1)} a second`)
  console.log(`  conflicts             ${of('conflicts')}`)
  console.log(
    `  through one handle    ${number(of('handlePerSecond'))} increments a second, ${of('handleEvents')} events for a million`,
  )
  const groups = results.map((result) => result.group)
  console.log(
    `  40 jobs of one group  ${number(median(groups.map(({ perSecond }) => perSecond)))} increments a second, slowest ` +
      `${median(groups.map(({ slowestMs }) => slowestMs)).toFixed(1)} ms`,
  )
  console.log(`  a finished job keeps  ${kept.state} bytes of state, ${kept.events} events of ${kept.eventBytes} bytes`)
}
rmSync(folder, { recursive: true })
