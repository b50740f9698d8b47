import { defaults } from '../protocol/defaults.js'
import { memoryStore } from '../store/memory.js'
import type { RedisStoreOptions } from '../store/redis.js'
import type { StoreLimits } from '../store/retention.js'
import type { Store } from '../store/store.js'
import { contradiction, refusal } from './refusal.js'
import { type ValuesOf, oneOf, onOff, present, text, whole } from './setting.js'

const { retention } = defaults

/** What says where events live and for how long. */
export const storeSettings = {
  store: text('--store <store>', 'memory, sqlite:<file>, or redis://…, rediss://… (TLS), unix:<socket>', {
    fallback: 'sqlite:./data/tidings.db',
    show: (address) => (/^(memory$|sqlite:)/.test(address) ? address : withoutPassword(address)),
  }),
  synchronous: oneOf('--synchronous <mode>', 'SQLite: full survives a power cut, normal does not', ['full', 'normal'], {
    fallback: 'full',
  }),
  newEpoch: onOff('--new-epoch', 'SQLite: the file is a restored copy; every reader is told of a gap'),
  redisPrefix: text('--redis-prefix <text>', 'Redis: what every key and channel begins with', { fallback: 'tidings:' }),
  redisUsername: text('--redis-username <name>', 'Redis: in place of the one in --store'),
  redisPassword: text('--redis-password <password>', 'Redis: in place of the one in --store; better as a variable', {
    secret: true,
  }),
  redisAllowEviction: onOff('--redis-allow-eviction', 'Redis: start although maxmemory-policy may drop kept events'),
  redisCommandTimeoutMs: whole(
    '--redis-command-timeout-ms <ms>',
    'Redis: unanswered for this long, a connection is taken for dead',
    { fallback: 5_000 },
  ),
  redisConnectTimeoutMs: whole('--redis-connect-timeout-ms <ms>', 'Redis: for one attempt to connect', {
    fallback: 3_000,
  }),
  retentionEvents: whole('--retention-events <number>', 'newest events kept of a topic', {
    fallback: retention.events,
  }),
  retentionBytes: whole('--retention-bytes <bytes>', 'kept of a topic', { fallback: retention.bytes }),
  retentionMs: whole('--retention-ms <ms>', 'how long events are kept', { fallback: retention.ageMs }),
  personalRetentionMs: whole('--personal-retention-ms <ms>', 'the same for user: and jobs: topics', {
    fallback: retention.personalAgeMs,
  }),
  quotaBytes: whole('--quota-bytes <bytes>', 'kept of a namespace', { fallback: defaults.quotaBytes }),
} as const

/** Where events will live, checked. */
export type StorePlan = {
  readonly limits: StoreLimits
  /** For logs: without a password. */
  readonly shown: string
} & (
  | { readonly kind: 'memory' }
  | {
      readonly kind: 'sqlite'
      readonly file: string
      readonly newEpoch: boolean
      readonly synchronous: 'full' | 'normal'
    }
  | { readonly kind: 'redis'; readonly options: RedisStoreOptions }
)

const kinds: readonly (readonly [kind: StorePlan['kind'], address: RegExp])[] = [
  ['memory', /^memory$/],
  ['sqlite', /^sqlite:./],
  ['redis', /^(rediss?:\/\/|unix:)./],
]
const onlyFor: readonly (readonly [kind: StorePlan['kind'], names: readonly (keyof typeof storeSettings)[]])[] = [
  ['sqlite', ['synchronous', 'newEpoch']],
  [
    'redis',
    [
      'redisPrefix',
      'redisUsername',
      'redisPassword',
      'redisAllowEviction',
      'redisCommandTimeoutMs',
      'redisConnectTimeoutMs',
    ],
  ],
]

/** Throws `option_invalid` naming a setting that is malformed or says nothing to the store that was chosen. */
export function planStore(values: ValuesOf<typeof storeSettings>): StorePlan {
  const { store = storeSettings.store.fallback as string } = values
  const kind = kinds.find(([, address]) => address.test(store))?.[0]
  if (!kind) {
    // Not the whole of it: there may be a password in it.
    const begin = store.slice(0, store.indexOf(':') + 1) || store
    throw refusal(
      '--store',
      `--store must be memory, sqlite:<file>, redis://…, rediss://… or unix:<socket>, not "${begin}…".`,
    )
  }
  for (const [owner, names] of onlyFor) {
    const wrong =
      owner === kind ? undefined : names.find((name) => values[name] !== undefined && values[name] !== false)
    if (wrong) throw contradiction(storeSettings[wrong].flag.split(' ')[0] as string, `--store ${kind}`)
  }
  const limits = limitsOf(values)
  if (kind === 'memory') return { kind, limits, shown: kind }
  if (kind === 'sqlite') {
    const { newEpoch = false, synchronous = 'full' } = values
    return { kind, file: store.slice('sqlite:'.length), newEpoch, synchronous, limits, shown: store }
  }
  const options: RedisStoreOptions = {
    ...limits,
    url: store,
    ...present({
      prefix: values.redisPrefix,
      username: values.redisUsername,
      password: values.redisPassword,
      allowEviction: values.redisAllowEviction,
      commandTimeoutMs: values.redisCommandTimeoutMs,
      connectTimeoutMs: values.redisConnectTimeoutMs,
    }),
  }
  return { kind, options, limits, shown: withoutPassword(store) }
}

/** Loaded on demand: a hub in memory needs neither SQLite nor ioredis. */
export async function makeStore(plan: StorePlan): Promise<Store> {
  if (plan.kind === 'memory') return memoryStore(plan.limits)
  if (plan.kind === 'redis') {
    const { redisStore } = await import('../store/redis.js')
    return redisStore(plan.options)
  }
  const { sqliteStore } = await import('../store/sqlite.js')
  return sqliteStore(plan.file, { ...plan.limits, newEpoch: plan.newEpoch, synchronous: plan.synchronous })
}

function limitsOf(values: ValuesOf<typeof storeSettings>): StoreLimits {
  const { retentionEvents, retentionBytes, retentionMs, personalRetentionMs, quotaBytes } = values
  const kept = {
    events: retentionEvents,
    bytes: retentionBytes,
    ageMs: retentionMs,
    personalAgeMs: personalRetentionMs,
  }
  return { retention: present(kept), ...present({ quotaBytes }) }
}

/** An address as a log may show it. User names and passwords stand before the last "@", secrets also behind "?". */
function withoutPassword(address: string): string {
  const scheme = /^(rediss?:\/\/|unix:)/.exec(address)?.[0] ?? ''
  const rest = address.slice(scheme.length)
  return `${scheme}${rest.slice(rest.lastIndexOf('@') + 1).split('?', 1)[0]}`
}
