import { parseArgs } from 'node:util'

/** Everything that can be set on the command line. */
export interface Settings {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** The folder of the two SQLite files and the cookie secret. */
  readonly dataFolder: string
  /** Where the hub keeps its events: null for a SQLite file in the data folder, or the address of a Redis. */
  readonly redis: string | null
  /** Worker processes. */
  readonly workers: number
  /** Pages that one worker reads at a time. */
  readonly lanes: number
  /** Least time between two requests to one host, from all crawls together. */
  readonly delayMs: number
  /** A page that a worker took and neither finished nor kept is given to another after this. */
  readonly takenMs: number
  /** Whether pages on this machine and in private networks may be read. */
  readonly allowLoopback: boolean
}

export const defaultSettings: Settings = {
  host: '127.0.0.1',
  port: 3000,
  dataFolder: './data',
  redis: null,
  workers: 2,
  lanes: 3,
  delayMs: 500,
  takenMs: 30_000,
  allowLoopback: false,
}

export const usage = `docs-crawler: documentation sites as Markdown, with every step live

  --host <address>     ${defaultSettings.host}
  --port <number>      ${defaultSettings.port}; 0 takes a free one
  --data <folder>      ${defaultSettings.dataFolder}
  --redis <address>    keep the hub's events in a Redis (redis://…), so that several servers can share a data folder
  --workers <number>   ${defaultSettings.workers} worker processes
  --lanes <number>     ${defaultSettings.lanes} pages at a time in each
  --delay-ms <number>  ${defaultSettings.delayMs} between two requests to one host
  --taken-ms <number>  ${defaultSettings.takenMs} until a dead worker's page is read by another
  --allow-loopback     also read pages of this machine and of private networks
`

/** Reads the command line. Throws an Error that names the option at fault. */
export function readSettings(args: readonly string[]): Settings | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      host: { type: 'string' },
      port: { type: 'string' },
      data: { type: 'string' },
      redis: { type: 'string' },
      workers: { type: 'string' },
      lanes: { type: 'string' },
      'delay-ms': { type: 'string' },
      'taken-ms': { type: 'string' },
      'allow-loopback': { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) return 'help'
  return {
    host: values.host ?? defaultSettings.host,
    port: wholeNumber('--port', values.port, 0, 65_535, defaultSettings.port),
    dataFolder: values.data ?? defaultSettings.dataFolder,
    redis: values.redis ?? defaultSettings.redis,
    workers: wholeNumber('--workers', values.workers, 1, 64, defaultSettings.workers),
    lanes: wholeNumber('--lanes', values.lanes, 1, 32, defaultSettings.lanes),
    delayMs: wholeNumber('--delay-ms', values['delay-ms'], 0, 60_000, defaultSettings.delayMs),
    takenMs: wholeNumber('--taken-ms', values['taken-ms'], 100, 600_000, defaultSettings.takenMs),
    allowLoopback: values['allow-loopback'] ?? defaultSettings.allowLoopback,
  }
}

function wholeNumber(option: string, text: string | undefined, from: number, to: number, otherwise: number): number {
  if (text === undefined) return otherwise
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < from || value > to) {
    throw new Error(`${option} must be a whole number from ${from} to ${to}, not "${text}".`)
  }
  return value
}
