// A hub on Redis in a process of its own, of the build named on the command line. Tells its port, or why it has none.
import { createServer } from 'node:http'
import { pathToFileURL } from 'node:url'
import { join } from 'node:path'

const [dist, url, options = '{}'] = process.argv.slice(2)
const load = (file) => import(pathToFileURL(join(dist, file)).href)
const { createHub } = await load('index.js')
const { toNodeHandler } = await load('http/node.js')
const { redisStore } = await load('store/redis.js')

const session = { userId: 'root', subscribe: ['*'], publish: ['*'] }
try {
  const hub = await createHub({ authenticate: () => session, ...JSON.parse(options), store: redisStore({ url }) })
  const server = createServer(toNodeHandler(hub))
  server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }))
  process.on('message', async ({ close, memory }) => {
    if (memory) {
      globalThis.gc?.()
      process.send({ memory: process.memoryUsage(), stats: hub.stats() })
    }
    if (!close) return
    await hub.close({ drainMs: 500 })
    server.closeAllConnections()
    server.close(() => process.exit(0))
  })
} catch (error) {
  process.send({ error: { code: error.code, message: error.message } }, () => process.exit(1))
}
