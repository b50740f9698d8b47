import { TidingsError } from '../../errors.js'
import type { RedisStoreOptions } from '../redis.js'

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
  if (client !== undefined && typeof client?.duplicate !== 'function') {
    throw invalid('client', 'Option "client" must be an ioredis client.')
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
