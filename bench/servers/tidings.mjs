// The whole hub: signed in by JWT, with its log behind it, on memory or (`--sqlite <file>`) SQLite.
import { createServer } from 'node:http'
import { createHub, memoryStore } from '../../dist/index.js'
import { toNodeHandler } from '../../dist/http/node.js'
import { markOf, padding, takeCommands } from './commands.mjs'

const file = process.argv.includes('--sqlite') ? process.argv[process.argv.indexOf('--sqlite') + 1] : null
const store = file ? (await import('../../dist/store/sqlite.js')).sqliteStore(file) : memoryStore()
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

server.listen({ port: 0, host: '127.0.0.1', backlog: 65_535 }, () =>
  takeCommands(server.address().port, publish, {
    // `fill <topics> <events>`: a log that is not empty, before anything is measured.
    async fill(topics, events) {
      for (let number = 0; number < Number(events); number += 500) {
        const batch = Array.from({ length: 500 }, (_, at) => ({
          topic: `idle:${(number + at) % Number(topics)}`,
          type: 'tick',
          data: { padding },
        }))
        await hub.publish(batch)
      }
    },
  }),
)
