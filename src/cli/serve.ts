import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { systemClock } from '../clock.js'
import { createDashboard } from '../dashboard/index.js'
import { TidingsError } from '../errors.js'
import { toNodeHandler } from '../http/node.js'
import { type Hub, createHub } from '../index.js'
import { backlog, makeListener } from './listener.js'
import { makeLog } from './log.js'
import { readConfigFile } from './config-file.js'
import { configTable, settingsInForce } from './print-config.js'
import { type ServePlan, configSetting, gatherServe, planServe } from './serve-settings.js'
import { type Environment, type Flags, readSettings } from './sources.js'
import { makeStore } from './store.js'
import { isWorker, onEndOfWorkers, superviseWorkers, tellReady } from './workers.js'

/**
 * Runs a hub until a signal ends it. Rejects with `option_invalid` or what the store refuses, before anything listens. With
 * `--print-config` it only says what it would run with.
 */
export async function serve(flags: Flags, environment: Environment): Promise<void> {
  const { config } = readSettings({ config: configSetting }, flags, environment)
  const file = await readConfigFile(config)
  const gathered = gatherServe(flags, environment, file)
  if ('printConfig' in flags) {
    const settings = settingsInForce(gathered, file)
    const words = 'json' in flags ? JSON.stringify({ file: file?.name ?? null, settings }) : configTable(settings)
    process.stdout.write(`${words}\n`)
  }
  const plan = planServe(gathered.values)
  if ('printConfig' in flags) return
  // A hub goes on when whoever read its first line has gone.
  process.stdout.removeAllListeners('error').on('error', () => undefined)
  const log = makeLog(plan.logLevel)
  if (plan.workers > 1 && !isWorker()) return superviseWorkers(plan.workers, log)
  const store = await makeStore(plan.store)
  const hub = await createHub({
    ...plan.hub,
    store,
    log,
    ...(plan.dashboard && { dashboard: createDashboard(plan.dashboard) }),
    onError: (error, stage) => {
      // No failure of ours: where in the program it was found helps nobody.
      if (stage === 'store') log.warn({ reason: (error as Error).message }, 'the store is away')
      else log.error({ err: error, stage }, 'a failure that no caller hears of')
    },
  })
  store.availability?.watch((available) => void (available && log.info('the store is back')))
  const server = makeListener(plan.listener, toNodeHandler(hub), flooded(log))
  try {
    await listen(server, plan)
  } catch (cause) {
    await hub.close({ drainMs: 0 })
    throw cause
  }
  const url = addressOf(server, plan.host)
  endOnSignal(() => close(hub, server), log)
  const lines = [`tidings ready ${url}`]
  if (plan.hub.development && plan.dashboard) lines.push(await dashboardLink(hub, url))
  if (isWorker()) tellReady(lines)
  else process.stdout.write(`${lines.join('\n')}\n`)
  log.info({ url, store: plan.store.shown, dev: plan.hub.development }, 'ready')
}

/** What it is signed with is kept in the store: while that is away there is a page, and no token for it. */
async function dashboardLink(hub: Hub, url: string): Promise<string> {
  const page = `${url}/dashboard`
  try {
    const { token } = await hub.internals.mint.forOperator()
    // After the #, which no browser sends and no server logs.
    return `${page}#token=${token}`
  } catch (error) {
    if (hub.internals.core.presence.explains(error)) return page
    throw error
  }
}

async function listen(server: Server, { host, port }: ServePlan): Promise<void> {
  server.listen({ port, host, backlog })
  try {
    await once(server, 'listening')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const why = code === 'EADDRINUSE' ? 'the port is in use' : String((cause as Error).message)
    const field = code === 'EADDRINUSE' || code === 'EACCES' ? '--port' : '--host'
    throw new TidingsError('option_invalid', `Cannot listen on ${host} port ${port} (${field}): ${why}.`, {
      field,
      cause,
    })
  }
}

/** Says once a minute how many sockets were cut because too many waited. */
function flooded(log: ReturnType<typeof makeLog>): () => void {
  let cut = 0
  const tell = (): void => {
    log.warn({ cut }, 'too many connections without a request: the oldest were cut (--waiting-sockets)')
    cut = 0
  }
  return () => {
    if (cut++ === 0) systemClock.setTimer(tell, 60_000)
    if (cut === 1) log.warn('connections without a request are cut: too many wait (--waiting-sockets)')
  }
}

function addressOf(server: Server, host: string): string {
  const { port } = server.address() as AddressInfo
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** Readers hear `bye` while the server still answers; only then does it stop. */
async function close(hub: Hub, server: Server): Promise<void> {
  await hub.close()
  server.close()
  server.closeAllConnections()
}

/** The first signal drains, a second one ends at once. A worker also ends with those that started it. */
function endOnSignal(end: () => Promise<void>, log: ReturnType<typeof makeLog>): void {
  let ending = false
  const drain = (why: object): void => {
    ending = true
    log.info(why, 'draining')
    end().then(
      () => {
        log.info('ended')
        process.exit(0)
      },
      (error: unknown) => {
        log.error({ err: error }, 'the end failed')
        process.exit(1)
      },
    )
  }
  const hear = (signal: NodeJS.Signals): void => {
    if (!ending) return drain({ signal })
    log.warn({ signal }, 'ended at once')
    process.exit(1)
  }
  process.on('SIGTERM', hear)
  if (!isWorker()) return void process.on('SIGINT', hear)
  // A terminal sends it to every process; the one that started this one says what to do.
  process.on('SIGINT', () => {})
  onEndOfWorkers(() => void (ending || drain({})))
}
