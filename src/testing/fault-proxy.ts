import { once } from 'node:events'
import { createConnection, createServer } from 'node:net'
import { type Clock, systemClock } from '../clock.js'
import { FaultLine, type Faults, Weather } from './fault-line.js'

export type { Faults } from './fault-line.js'

export interface FaultProxy {
  readonly port: number
  /** `http://127.0.0.1:<port>`. */
  readonly url: string
  /** Connections that are open on the client's side. */
  readonly open: number
  /** Connections taken so far. */
  readonly accepted: number
  /** Replaces what is wrong; `set({})` heals. */
  set(faults: Faults): void
  /** Closes every open connection: with RST, or with FIN where `gracefully`. New ones are taken. */
  cut(options?: { readonly gracefully?: boolean }): void
  close(): Promise<void>
}

export interface FaultProxyOptions {
  /** Where the real server listens. */
  readonly port: number
  /** Default 127.0.0.1. */
  readonly host?: string
  /** What is wrong from the start. */
  readonly faults?: Faults
  /** For latency. Default: the system's. */
  readonly clock?: Clock
}

/** A TCP proxy on a free port of 127.0.0.1 that misbehaves on demand. It knows bytes, not HTTP. */
export async function faultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const weather = new Weather(options.faults ?? {}, options.clock ?? systemClock)
  const upstream = { port: options.port, host: options.host ?? '127.0.0.1' }
  const lines = new Set<FaultLine>()
  let accepted = 0

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    client.on('error', () => {})
    if (weather.faults.refuse) return void client.resetAndDestroy()
    accepted++
    const line = new FaultLine(
      client,
      () => createConnection({ ...upstream, allowHalfOpen: true, noDelay: true }),
      weather,
    )
    lines.add(line)
    client.on('close', () => lines.delete(line))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0

  return {
    port,
    url: `http://127.0.0.1:${port}`,
    get open() {
      return lines.size
    },
    get accepted() {
      return accepted
    },
    set: (faults) => weather.set(faults),
    cut: ({ gracefully = false } = {}) => {
      for (const line of lines) line.cut(!gracefully)
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const line of lines) line.cut(true)
      await closed
    },
  }
}
