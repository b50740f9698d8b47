// The whole hub: signed in by JWT, with its log behind it, on memory or (`--sqlite <file>`) SQLite. `--fill <topics>`: with so
// many idle topics, 300,000 events in its log and its topics full before anything is measured.
import { parseArgs } from 'node:util'
import { createHub, memoryStore } from '../../dist/index.js'
import { toNodeHandler } from '../../dist/http/node.js'
import { sqliteStore } from '../../dist/store/sqlite.js'
import { createServer } from 'node:http'
import { markOf, padding, takeCommands } from './commands.mjs'

const { values } = parseArgs({ options: { sqlite: { type: 'string' }, fill: { type: 'string' } } })
const retention = { events: 200_000, bytes: 1024 ** 3 }
const store = values.sqlite ? sqliteStore(values.sqlite, { retention }) : memoryStore()
// All readers come from one address here, and may: the limits work all the same.
const open = { address: 1_000_000, user: 1_000_000 }
const limits = {
  connections: { ...open, total: 1_000_000 },
  connects: open,
  polls: open,
  publishes: open,
  tokens: open,
}
const hub = await createHub({ store, jwt: { secret: 'a secret for benchmarks, 32 bytes' }, limits })
const server = createServer(toNodeHandler(hub))

async function publish(topic, number) {
  const data = { mark: markOf(number), padding }
  const { cursor } = await hub.publish({ topic: `t:${topic}`, type: 'tick', data })
  return cursor
}

async function fill(total, topicOf) {
  for (let from = 0; from < total; from += 500) {
    const numbers = Array.from({ length: 500 }, (_, at) => from + at)
    await hub.publish(numbers.map((number) => ({ topic: topicOf(number), type: 'tick', data: { padding } })))
  }
}

/** So many publishers, each with its next event when the last was acknowledged. */
async function durable(total, atOnce) {
  const began = performance.now()
  let next = 0
  const publisher = async () => {
    while (next < total) await publish(next++ % 100, 0)
  }
  await Promise.all(Array.from({ length: atOnce }, publisher))
  return performance.now() - began
}

/** Reads one topic of the log page by page, as a reader that catches up does. */
async function catchup(total) {
  const topic = `long:${total}`
  await fill(total, () => topic)
  const began = performance.now()
  let read = 0
  for (let after = 'start', more = true; more; ) {
    const page = await store.read('default', { topics: [topic], after, limit: 1_000, maxBytes: 256 * 1024 })
    read += page.events.length
    after = page.upTo
    more = page.more
  }
  if (read !== total) throw new Error(`read ${read} of ${total}`)
  return performance.now() - began
}

if (values.fill) {
  await fill(300_000, (number) => `idle:${number % Number(values.fill)}`)
  await fill(200_000, (number) => `t:${number % 200}`)
}
server.listen({ port: 0, host: '127.0.0.1', backlog: 65_535 }, () =>
  takeCommands(server.address().port, publish, {
    durable: (total, atOnce) => durable(Number(total), Number(atOnce)),
    catchup: (total) => catchup(Number(total)),
  }),
)
