import { TidingsError } from '../errors.js'
import { type Position, formatCursor } from '../protocol/cursor.js'
import type { Job, JobError, JobLogLine } from '../protocol/job.js'
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
  /** The store's clock at the last accepted worker command; of a queued job, when it was queued. */
  readonly leasedAt: number
  readonly throttle: Throttle
  /** The last published state is not this one: a progress event is owed. */
  readonly withheld: boolean
  /** Lines of the log that wait with it. */
  readonly heldLines: readonly JobLogLine[]
  /** With what an attempt begins, and a job that runs this one again (J6). */
  readonly fresh: { readonly total: number | null; readonly counters: Job['counters'] }
  /** Digest of what the job was created from, to tell a repetition from a reuse of its id after the id window. */
  readonly origin: string
}

/** What a job is made of; `retryOf` where it runs an ended one again. */
export type CreatedJob = CheckedJob & { readonly retryOf?: string }

/** A new job in the queue. */
export function initialState(id: string, given: CreatedJob, origin: string, now: number): JobState {
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
      ...(given.parent !== undefined && { parent: given.parent }),
      attempt: 1,
      attempts: given.attempts,
      version: 1,
      createdAt: now,
      startedAt: null,
      endedAt: null,
      ...(given.retryOf !== undefined && { retryOf: given.retryOf }),
    },
    setTotal: given.total,
    leaseMs: given.leaseMs,
    startWithinMs: given.startWithinMs,
    ttlMs: given.ttlMs,
    leasedAt: now,
    throttle: freshThrottle(now),
    withheld: false,
    heldLines: [],
    fresh: { total: given.total, counters: given.counters },
    origin,
  }
}

/** The job with a version that readers can tell from the one before. */
export const changed = (job: Job, changes: Partial<Job>): Job => ({ ...job, ...changes, version: job.version + 1 })

/** Running. What went wrong with the attempt before is of no more interest. */
export function started({ error: _, ...job }: Job, now: number): Job {
  return changed(job, { status: 'running', startedAt: now })
}

/** Queued again, with counters and words as at its creation (J6). */
export function nextAttempt(state: JobState, error: JobError, now: number): JobState {
  const { job, fresh } = state
  const total = largerTotal(fresh.total, fresh.counters)
  return {
    ...state,
    job: changed(job, {
      status: 'queued',
      attempt: job.attempt + 1,
      counters: fresh.counters,
      total,
      percent: percentOf(fresh.counters, total, null),
      stage: null,
      message: null,
      current: null,
      startedAt: null,
      error,
    }),
    setTotal: fresh.total,
    leasedAt: now,
    withheld: false,
    heldLines: [],
  }
}

/** What a job was created from, to run it again (J6). */
export function againOf({ job, fresh, leaseMs, startWithinMs, ttlMs }: JobState): CreatedJob {
  return {
    owner: job.owner,
    kind: job.kind,
    ...fresh,
    ...(job.meta !== undefined && { meta: job.meta }),
    attempts: job.attempts,
    leaseMs,
    startWithinMs,
    ttlMs,
    retryOf: job.id,
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
