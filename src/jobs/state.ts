import { TidingsError } from '../errors.js'
import { type Position, formatCursor } from '../protocol/cursor.js'
import type { Job, JobLogLine } from '../protocol/job.js'
import type { CheckedJob } from '../protocol/job-input.js'
import { type Throttle, freshThrottle } from './throttle.js'

/** What is kept of a job: what readers see, and what its rules need beside it. */
export interface JobState {
  /** Without `cursor`: where one is known is a matter of each read. */
  readonly job: Job
  /** As it was set; `job.total` may be larger by `discovered`. */
  readonly setTotal: number | null
  readonly leaseMs: number
  readonly startWithinMs: number
  readonly ttlMs: number
  /** The store's clock at the last accepted worker command. */
  readonly leasedAt: number
  readonly throttle: Throttle
  /** The last published state is not this one: a progress event is owed. */
  readonly withheld: boolean
  /** Lines of the log that wait with it. */
  readonly heldLines: readonly JobLogLine[]
  /** Digest of what the job was created from, to tell a repetition from a reuse of its id after the id window. */
  readonly origin: string
}

/** A new job in the queue. */
export function initialState(id: string, given: CheckedJob, origin: string, now: number): JobState {
  const total = largerTotal(given.total, given.counters)
  return {
    job: {
      id,
      kind: given.kind,
      owner: given.owner,
      status: 'queued',
      counters: given.counters,
      total,
      percent: percentOf(given.counters, total, null),
      stage: null,
      message: null,
      current: null,
      ...(given.meta !== undefined && { meta: given.meta }),
      attempt: 1,
      attempts: 1,
      version: 1,
      createdAt: now,
      startedAt: null,
      endedAt: null,
    },
    setTotal: given.total,
    leaseMs: given.leaseMs,
    startWithinMs: given.startWithinMs,
    ttlMs: given.ttlMs,
    leasedAt: now,
    throttle: freshThrottle(now),
    withheld: false,
    heldLines: [],
    origin,
  }
}

/** The larger of what was set and `discovered`; null while neither is known (J4). */
export function largerTotal(set: number | null, counters: Job['counters']): number | null {
  const discovered = counterOf(counters, 'discovered')
  return set === null && discovered === 0 ? null : Math.max(set ?? 0, discovered)
}

/** The largest value so far, so that a total that grows does not move a bar back (J4). */
export function percentOf(counters: Job['counters'], total: number | null, before: number | null): number | null {
  if (total === null) return before
  if (total === 0) return before ?? 0
  // BigInt: 100 × a large counter is no longer exact as a number, and 99.99… % must not be shown as 100.
  const done = ['processed', 'failed', 'skipped'].reduce((sum, name) => sum + BigInt(counterOf(counters, name)), 0n)
  const percent = (done * 100n) / BigInt(total)
  return Math.max(before ?? 0, percent > 100n ? 100 : Number(percent))
}

/** `hasOwn`: a counter may be called `constructor`. */
export const counterOf = (counters: Job['counters'], name: string): number =>
  Object.hasOwn(counters, name) ? (counters[name] ?? 0) : 0

/** The job as it is answered and snapshotted. */
export const jobAt = (state: JobState, position: Position): Job => ({ ...state.job, cursor: formatCursor(position) })

const format = 1

export const encodeState = (state: JobState): string => JSON.stringify({ format, ...state })

/** Throws `store_newer` for a job written by a newer version, `store_corrupt` for what is no job. */
export function decodeState(text: string): JobState {
  const { format: written, ...state } = JSON.parse(text) as JobState & { format?: number }
  if (typeof written !== 'number' || typeof state.job !== 'object') {
    throw new TidingsError('store_corrupt', 'The state kept under a job topic is not a job.')
  }
  if (written > format) {
    throw new TidingsError(
      'store_newer',
      `A job was written in format ${written}; this version reads up to ${format}. Upgrade this node.`,
    )
  }
  return state
}
