import type { Clock } from '../../clock.js'
import { TidingsError } from '../../errors.js'
import type { Random } from '../../random.js'
import type { StoreLimits } from '../retention.js'
import type { IoredisClient } from './ioredis.js'

export interface RedisStoreOptions extends StoreLimits {
  /** `redis://`, `rediss://` (TLS) or `unix:` address, with user name, password and database if need be. Needs ioredis 6. */
  readonly url?: string
  /** An ioredis client of yours, in place of `url`. It is duplicated for each connection, and never used, changed or closed. */
  readonly client?: IoredisClient
  /** What every key and channel begins with. Default `tidings:`. */
  readonly prefix?: string
  /** Number of the database. Default: what `url` or `client` says, else 0. */
  readonly database?: number
  readonly username?: string
  readonly password?: string
  /** Options of `tls.connect`: certificates, server name. Default: what `url` or `client` says. */
  readonly tls?: object
  /** A command that is not answered for this long ends the connection: it is taken for dead. Default 5,000. */
  readonly commandTimeoutMs?: number
  /** How long an attempt to connect, and `open()` while Redis cannot be reached, may take. Default 3,000. */
  readonly connectTimeoutMs?: number
  /** A followed namespace that says nothing for this long is asked whether it is still heard (D7). Default 5,000. */
  readonly probeMs?: number
  /** Start although `maxmemory-policy` lets Redis throw away kept events. Default false: `open()` rejects. */
  readonly allowEviction?: boolean
  /**
   * Called with every failed attempt to connect, and once for each namespace that cannot be swept. Default: nothing for the
   * first (`availability.reason` tells the last one), `process.emitWarning` for the second.
   */
  readonly onError?: (error: Error) => void
  /** For tests: its time is used in place of Redis's own. Connections go by the system's all the same. */
  readonly clock?: Clock
  readonly random?: Random
}

/** Throws `option_invalid` naming the option. */
export function checkRedisOptions(options: RedisStoreOptions): void {
  const { url, client, prefix, database, username, password, tls } = options
  if ((url === undefined) === (client === undefined)) {
    throw invalid('url', 'redisStore needs either "url" or "client", and not both.')
  }
  if (url !== undefined && (typeof url !== 'string' || !/^(rediss?:\/\/|unix:)\S+$/.test(url))) {
    // The address may hold a password: it is not repeated.
    throw invalid('url', 'Option "url" must begin with redis://, rediss:// or unix:.')
  }
  // It would be tried for ever: no attempt could succeed.
  if (url?.startsWith('redis') && !URL.canParse(url)) {
    throw invalid(
      'url',
      'Option "url" is no address: its port is a number up to 65535, and signs such as / and # in its password are written %2F, %23.',
    )
  }
  if (client !== undefined && typeof client?.duplicate !== 'function') {
    throw invalid('client', 'Option "client" must be an ioredis client.')
  }
  if (client !== undefined && 'isCluster' in client && client.isCluster === true) {
    throw invalid('client', 'Option "client" must not be a cluster: Redis Cluster is not supported yet.')
  }
  if (prefix !== undefined && (typeof prefix !== 'string' || !/^[^{}\s]{1,128}$/.test(prefix))) {
    throw invalid(
      'prefix',
      'Option "prefix" must be 1–128 characters without white space and braces, which decide the shard.',
    )
  }
  if (database !== undefined && !(Number.isSafeInteger(database) && database >= 0)) {
    throw invalid('database', `Option "database" must be a whole number of at least 0, not ${String(database)}.`)
  }
  for (const [field, value] of Object.entries({ username, password })) {
    if (value !== undefined && typeof value !== 'string') throw invalid(field, `Option "${field}" must be a string.`)
  }
  if (tls !== undefined && (typeof tls !== 'object' || tls === null)) {
    throw invalid('tls', 'Option "tls" must be an object of options for tls.connect.')
  }
  for (const field of ['commandTimeoutMs', 'connectTimeoutMs', 'probeMs'] as const) {
    const value = options[field]
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= 1)) {
      throw invalid(
        field,
        `Option "${field}" must be a whole number of milliseconds of at least 1, not ${String(value)}.`,
      )
    }
  }
  if (options.allowEviction !== undefined && typeof options.allowEviction !== 'boolean') {
    throw invalid('allowEviction', 'Option "allowEviction" must be true or false.')
  }
  if (options.onError !== undefined && typeof options.onError !== 'function') {
    throw invalid('onError', 'Option "onError" must be a function.')
  }
}

function invalid(field: string, message: string): TidingsError {
  return new TidingsError('option_invalid', message, { field })
}
