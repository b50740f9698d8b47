import { mkdirSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createHub } from 'tidings'
import { toNodeHandler } from 'tidings/node'
import { redisStore } from 'tidings/store/redis'
import { sqliteStore } from 'tidings/store/sqlite'
import { Api } from './api.js'
import { Crawling } from './crawling.js'
import { Crawls } from './crawls.js'
import { openDatabase } from './database.js'
import { Dispatcher } from './dispatcher.js'
import { notFound, sendProblem } from './json-http.js'
import { Pacing } from './pacing.js'
import { PageFiles } from './page-files.js'
import { Pages } from './pages.js'
import { readSecret } from './secret.js'
import { Sessions } from './session.js'
import { readSettings, type Settings, usage } from './settings.js'
import { Supervisor } from './supervisor.js'
import { WorkApi } from './work-api.js'
import { WorkerTokens } from './worker-tokens.js'

/** Joins the parts: one process with the hub, the page, the rows, and workers as its children. */
async function start(settings: Settings): Promise<void> {
  const { dataFolder, allowLoopback, takenMs } = settings
  mkdirSync(dataFolder, { recursive: true })
  const sessions = new Sessions(readSecret(dataFolder))
  const tokens = new WorkerTokens()
  const hub = await createHub({
    store: settings.redis ? redisStore({ url: settings.redis }) : sqliteStore(join(dataFolder, 'tidings.db')),
    authenticate: (request) => sessions.read(request.headers.get('cookie')),
    jwt: { secret: tokens.secret },
  })
  const database = await openDatabase(join(dataFolder, 'crawler.db'))
  const crawls = new Crawls(database)
  const pages = new Pages(database, takenMs)
  const pacing = new Pacing(settings.delayMs)
  const dispatcher = new Dispatcher(crawls, pages, pacing)
  const crawling = new Crawling(hub, crawls, pages, () => tokens.mint())

  const api = new Api({ hub, sessions, crawls, pages, crawling, dispatcher, allowLoopback })
  const workApi = new WorkApi({ hub, crawling, dispatcher, pages, pacing })
  const files = new PageFiles()
  const tidings = toNodeHandler(hub, { basePath: '/tidings' })

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(`http://crawler${request.url?.startsWith('/') ? request.url : '/'}`)
    if (pathname === '/tidings' || pathname.startsWith('/tidings/')) return tidings(request, response)
    if (pathname.startsWith('/api/')) return await api.handle(request, response, pathname, searchParams)
    if (pathname.startsWith('/work/')) return await workApi.handle(request, response, pathname)
    if (pathname === '/favicon.ico') throw notFound()
    files.handle(request, response, pathname)
  }
  const server = createServer((request, response) => {
    route(request, response).catch((error: unknown) => sendProblem(response, error))
  })

  const resumed = await crawling.resume()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(settings.port, settings.host, resolve)
  })
  const { port } = server.address() as AddressInfo
  const isWildcard = settings.host === '0.0.0.0' || settings.host === '::'
  const host = isWildcard ? '127.0.0.1' : settings.host.includes(':') ? `[${settings.host}]` : settings.host
  const url = `http://${host}:${port}`
  const supervisor = new Supervisor({ ...settings, url }, tokens)
  await supervisor.start()
  const leases = crawling.keepLeases(() => supervisor.isAlive)
  console.log(`docs-crawler ready ${url}`)
  if (resumed > 0) console.error(`docs-crawler: going on with ${resumed} crawl${resumed === 1 ? '' : 's'}`)

  let stopping = false
  const stop = async (): Promise<void> => {
    if (stopping) return process.exit(1)
    stopping = true
    leases.stop()
    await supervisor.stop()
    server.close()
    await hub.close({ drainMs: 1_000 })
    server.closeAllConnections()
    database.close()
    process.exit(0)
  }
  process.on('SIGTERM', () => void stop())
  process.on('SIGINT', () => void stop())
}

try {
  const settings = readSettings(process.argv.slice(2))
  if (settings === 'help') console.log(usage)
  else await start(settings)
} catch (error) {
  const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
  console.error(
    isTaken
      ? 'docs-crawler: that port is in use. Choose another with --port.'
      : `docs-crawler: ${error instanceof Error ? error.message : error}`,
  )
  process.exit(1)
}
