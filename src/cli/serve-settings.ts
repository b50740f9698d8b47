import { TidingsError } from '../errors.js'
import type { HubOptions } from '../index.js'
import { defaults } from '../protocol/defaults.js'
import type { StoreLimits } from '../store/retention.js'
import { type Environment, oneOf, onOff, readSettings, refuseUnknownVariables, text, whole } from './setting.js'
import { target } from './target.js'

const { retention } = defaults

/** All that `tidings serve` can be told, each a flag and a variable (spec H10). */
export const serveSettings = {
  host: text('--host <address>', 'address to listen on (default 127.0.0.1)'),
  port: whole('--port <number>', 'port to listen on, 0 for a free one (default 4000)', { least: 0, most: 65_535 }),
  store: text('--store <store>', 'memory, or sqlite:<file> (default sqlite:./data/tidings.db)'),
  synchronous: oneOf('--synchronous <mode>', 'SQLite: full survives a power cut, normal does not (default full)', [
    'full',
    'normal',
  ]),
  newEpoch: onOff('--new-epoch', 'SQLite: the file is a restored copy; every reader is told of a gap'),
  jwtSecret: text('--jwt-secret <secret>', 'accept Bearer tokens signed with it (HS256, at least 32 bytes)'),
  jwtIssuer: text('--jwt-issuer <name>', 'the only "iss" that is accepted'),
  jwtAudience: text('--jwt-audience <name>', 'the only "aud" that is accepted'),
  dev: onOff('--dev', 'let anybody be anybody with ?userId=<id>, on this machine only'),
  logLevel: oneOf('--log-level <level>', 'least level of log lines (default info)', [
    'debug',
    'info',
    'warn',
    'error',
    'silent',
  ]),
  heartbeatMs: whole('--heartbeat-ms <ms>', `between pings of a stream (default ${defaults.heartbeatMs})`),
  maxAgeMs: whole('--max-age-ms <ms>', `age at which a stream is renewed (default ${defaults.maxAgeMs})`),
  drainMs: whole('--drain-ms <ms>', `how long a shutdown waits for streams (default ${defaults.drainMs})`, {
    least: 0,
  }),
  returnWindowMs: whole(
    '--return-window-ms <ms>',
    `readers come back from a shutdown spread over this (default ${defaults.returnWindowMs})`,
    { least: 0 },
  ),
  unsentBytes: whole(
    '--unsent-bytes <bytes>',
    `of a slow reader, before it becomes a position (default ${defaults.unsentBytes})`,
  ),
  slowConsumerMs: whole(
    '--slow-consumer-ms <ms>',
    `a reader that takes nothing is closed (default ${defaults.slowConsumerMs})`,
  ),
  ringBytes: whole('--ring-bytes <bytes>', `newest events held in memory (default ${defaults.ringBytes})`),
  pageBytes: whole('--page-bytes <bytes>', `one read of a reader that catches up (default ${defaults.pageBytes})`),
  pageEvents: whole('--page-events <number>', `the same in events (default ${defaults.pageEvents})`),
  dataBytes: whole('--data-bytes <bytes>', `largest data of an event (default ${defaults.dataBytes})`),
  bodyBytes: whole('--body-bytes <bytes>', `largest request body (default ${defaults.bodyBytes})`),
  eventsPerBatch: whole('--events-per-batch <number>', `in one publish (default ${defaults.eventsPerBatch})`),
  topicsPerStream: whole('--topics-per-stream <number>', `in one stream (default ${defaults.topicsPerStream})`),
  topicsPerEvent: whole('--topics-per-event <number>', `of one event (default ${defaults.topicsPerEvent})`),
  pollWaitMs: whole('--poll-wait-ms <ms>', `longest time a poll is held (default ${defaults.pollWaitMs})`),
  sweepMs: whole('--sweep-ms <ms>', 'between looks for jobs that nobody works on any more (default 1000)'),
  retentionEvents: whole('--retention-events <number>', `newest events kept of a topic (default ${retention.events})`),
  retentionBytes: whole('--retention-bytes <bytes>', `kept of a topic (default ${retention.bytes})`),
  retentionMs: whole('--retention-ms <ms>', `how long events are kept (default ${retention.ageMs})`),
  personalRetentionMs: whole(
    '--personal-retention-ms <ms>',
    `the same for user: and jobs: topics (default ${retention.personalAgeMs})`,
  ),
  quotaBytes: whole('--quota-bytes <bytes>', `kept of a namespace (default ${defaults.quotaBytes})`),
} as const

/** What to start, checked. */
export interface ServePlan {
  readonly host: string
  readonly port: number
  /** Null: memory. */
  readonly sqliteFile: string | null
  readonly newEpoch: boolean
  readonly synchronous: 'full' | 'normal'
  readonly limits: StoreLimits
  readonly logLevel: string
  readonly hub: HubOptions
}

/** Throws `option_invalid` naming a setting that is malformed, unknown, missing, or that contradicts another one. */
export function planServe(flags: Readonly<Record<string, string | true>>, environment: Environment): ServePlan {
  refuseUnknownVariables([...Object.values(serveSettings), ...Object.values(target)], environment)
  const {
    host = '127.0.0.1',
    port = 4000,
    store = 'sqlite:./data/tidings.db',
    ...given
  } = readSettings(serveSettings, flags, environment)
  const { synchronous, newEpoch, jwtSecret, jwtIssuer, jwtAudience, dev, logLevel = 'info', ...rest } = given
  const { retentionEvents, retentionBytes, retentionMs, personalRetentionMs, quotaBytes, ...hub } = rest

  const sqliteFile = sqliteFileOf(store)
  if (sqliteFile === null && newEpoch) throw contradiction('--new-epoch', '--store memory')
  if (sqliteFile === null && synchronous) throw contradiction('--synchronous', '--store memory')
  if (dev && !isLoopback(host)) throw contradiction('--dev', `--host ${host}`, 'Anybody could be anybody.')
  for (const [flag, value] of [
    ['--jwt-issuer', jwtIssuer],
    ['--jwt-audience', jwtAudience],
  ] as const) {
    if (value !== undefined && jwtSecret === undefined)
      throw refusal(flag, `${flag} says nothing without --jwt-secret.`)
  }
  if (jwtSecret === undefined && !dev) {
    throw refusal('--jwt-secret', 'A hub needs a way to sign in: give --jwt-secret or, on your own machine, --dev.')
  }

  return {
    host,
    port,
    sqliteFile,
    newEpoch: newEpoch ?? false,
    synchronous: synchronous ?? 'full',
    logLevel,
    limits: {
      retention: present({
        events: retentionEvents,
        bytes: retentionBytes,
        ageMs: retentionMs,
        personalAgeMs: personalRetentionMs,
      }),
      ...present({ quotaBytes }),
    },
    hub: {
      ...hub,
      development: dev ?? false,
      ...(jwtSecret !== undefined && { jwt: { secret: jwtSecret, issuer: jwtIssuer, audience: jwtAudience } }),
    },
  }
}

function sqliteFileOf(store: string): string | null {
  if (store === 'memory') return null
  if (store.startsWith('sqlite:') && store.length > 'sqlite:'.length) return store.slice('sqlite:'.length)
  throw refusal('--store', `--store must be memory or sqlite:<file>, not "${store}".`)
}

const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || /^127\.[0-9.]+$/.test(host)

function present<Shape extends object>(values: Shape): { [Name in keyof Shape]?: NonNullable<Shape[Name]> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never
}

const refusal = (field: string, message: string): TidingsError => new TidingsError('option_invalid', message, { field })
const contradiction = (one: string, other: string, why = ''): TidingsError =>
  refusal(one, `${one} and ${other} contradict each other. ${why}`.trimEnd())
