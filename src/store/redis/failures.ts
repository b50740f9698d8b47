import { TidingsError } from '../../errors.js'
import { ConnectionLost, RedisRefusal } from './port.js'

/** Errors after which the connection is of no use: another server has to be found, or this one waited for. */
const dropping = new Set([
  'READONLY',
  'LOADING',
  'MASTERDOWN',
  'BUSY',
  'NOAUTH',
  'WRONGPASS',
  'CLUSTERDOWN',
  'MOVED',
  'ASK',
])

export const endsConnection = (error: unknown): boolean => error instanceof RedisRefusal && dropping.has(error.word)

/** Whether Redis does not take these credentials, this database or this place: trying again does not help. */
export const isLastingRefusal = (error: unknown): boolean =>
  error instanceof RedisRefusal &&
  (['NOAUTH', 'WRONGPASS', 'NOPERM', 'DENIED'].includes(error.word) || /^ERR .*\b(AUTH|DB index)\b/.test(error.message))

/** A failure as the store reports it. `changes`: whether what was sent may have changed something before the answer was lost. */
export function failure(error: unknown, changes: boolean): TidingsError {
  if (error instanceof TidingsError) return error
  if (error instanceof ConnectionLost) {
    return changes
      ? new TidingsError(
          'indeterminate',
          `The connection to Redis was lost before the answer came (${error.message}): it may have been done. Send it again with the same id.`,
          { retryAfterMs: 1_000, cause: error },
        )
      : unavailable(error.message, error)
  }
  if (!(error instanceof RedisRefusal)) return new TidingsError('internal', 'The Redis store failed.', { cause: error })
  if (error.word === 'OOM') {
    return new TidingsError('store_full', 'Redis is out of memory (maxmemory). Nothing was stored.', {
      retryAfterMs: 10_000,
      cause: error,
    })
  }
  if (error.word === 'MISCONF' || error.word === 'NOREPLICAS') {
    return new TidingsError('store_read_only', `Redis takes no writes: ${error.message} Nothing was stored.`, {
      retryAfterMs: 10_000,
      cause: error,
    })
  }
  if (endsConnection(error)) return unavailable(error.message, error)
  return new TidingsError('internal', `Redis refused a command of the store: ${error.message}`, { cause: error })
}

export function unavailable(reason: string, cause?: unknown): TidingsError {
  return new TidingsError('store_unavailable', `Redis cannot be used now: ${reason} Nothing was done; try again.`, {
    retryAfterMs: 1_000,
    cause,
  })
}
