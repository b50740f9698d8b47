import { TidingsError } from '../errors.js'
import { type Position, formatCursor } from '../protocol/cursor.js'
import type { Job, JobError, JobLogLine } from '../protocol/job.js'
import type { CheckedJob } from '../protocol/job-input.js'
import { type Children, type Numbers, counterOf, percentOf, totalOf } from './progress.js'
import { type Throttle, freshThrottle } from './throttle.js'

/** What is kept of a job: what readers see, and what its rules need beside it. */
export interface JobState {
  /** Without `cursor`: where one is known is a matter of each read. */
  readonly job: Job
  /** As it was set; `job.total` may be larger by what was discovered. */
  readonly setTotal: number | null
  readonly leaseMs: number
  readonly startWithinMs: number
  readonly ttlMs: number
  /** The store's clock at the last sign of life; of a queued job, when it was queued. */
  readonly leasedAt: number
  readonly throttle: Throttle
  /** The last published state is not this one: a progress event is owed. */
  readonly withheld: boolean
  /** Lines of the log that wait with it. */
  readonly heldLines: readonly JobLogLine[]
  /** With what an attempt begins, and a job that runs this one again (J6). */
  readonly fresh: { readonly total: number | null; readonly counters: Numbers }
  /** Digest of what the job was created from, to tell a repetition from a reuse of its id after the id window. */
  readonly origin: string
  /** Its parent, that one's parent, and so on (J9). */
  readonly ancestors: readonly string[]
  /** What its parent has counted of it; absent while that is nothing. */
  readonly counted?: Share | undefined
  /** Absent without children; their sum is part of `job.counters`. */
  readonly children?: Children
  /** It was cancelled while jobs below it had not ended: they have to be cancelled too. */
  readonly cascade?: boolean
}

/** What a job adds to its parent (J9). */
export interface Share {
  readonly counters: Numbers
  readonly total: number
}

/** What a job is made of; `retryOf` where it runs an ended one again. */
export type CreatedJob = CheckedJob & { readonly eventsPerSecond: number; readonly retryOf?: string }

/** A new job in the queue. */
export function initialState(
  id: string,
  given: CreatedJob,
  ancestors: readonly string[],
  origin: string,
  now: number,
): JobState {
  const total = totalOf(given.total, given.counters)
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
      ...(ancestors[0] !== undefined && { parent: ancestors[0] }),
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
    throttle: freshThrottle(given.eventsPerSecond, now),
    withheld: false,
    heldLines: [],
    fresh: { total: given.total, counters: given.counters },
    origin,
    ancestors,
  }
}

/** The job with a version that readers can tell from the one before. */
export const changed = (job: Job, changes: Partial<Job>): Job => ({ ...job, ...changes, version: job.version + 1 })

/** Running. What went wrong with the attempt before is of no more interest. */
export function started({ error: _, ...job }: Job, now: number): Job {
  return changed(job, { status: 'running', startedAt: now })
}

/** Queued again, with counters and words as at its creation (J6). What its children have done stays counted. */
export function nextAttempt(state: JobState, error: JobError, now: number): JobState {
  const { job, fresh, children } = state
  const counters: Record<string, number> = { ...fresh.counters }
  for (const [name, sum] of Object.entries(children?.counters ?? {})) counters[name] = counterOf(counters, name) + sum
  const total = totalOf(fresh.total, counters, children)
  return {
    ...state,
    job: changed(job, {
      status: 'queued',
      attempt: job.attempt + 1,
      counters,
      total,
      percent: percentOf(counters, total, null),
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
export function againOf({ job, fresh, leaseMs, startWithinMs, ttlMs, throttle }: JobState): CreatedJob {
  return {
    owner: job.owner,
    kind: job.kind,
    ...fresh,
    ...(job.meta !== undefined && { meta: job.meta }),
    ...(job.parent !== undefined && { parent: job.parent }),
    attempts: job.attempts,
    eventsPerSecond: throttle.eventsPerSecond,
    leaseMs,
    startWithinMs,
    ttlMs,
    retryOf: job.id,
  }
}

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
