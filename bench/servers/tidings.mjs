// The whole hub: signed in by JWT, with its log behind it, on memory or (`--sqlite <file>`) SQLite.
import { createServer } from 'node:http'
import { createHub, memoryStore } from '../../dist/index.js'
import { toNodeHandler } from '../../dist/http/node.js'
import { markOf, padding, takeCommands } from './commands.mjs'

const file = process.argv.includes('--sqlite') ? process.argv[process.argv.indexOf('--sqlite') + 1] : null
const store = file ? (await import('../../dist/store/sqlite.js')).sqliteStore(file) : memoryStore()
const hub = await createHub({ store, jwt: { secret: 'a secret for benchmarks, 32 bytes' } })
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
