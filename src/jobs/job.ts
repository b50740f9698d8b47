import {
  type Job,
  type JobAction,
  type JobError,
  type JobLogLine,
  type JobUpdate,
  isEnded,
  jobEventTypes,
} from '../protocol/job.js'
import { jobLimits } from '../protocol/job-input.js'
import type { Deadline } from '../store/store.js'
import { counterOf, percentOf, totalOf } from './progress.js'
import { type CreatedJob, type JobState, changed, initialState, nextAttempt, started } from './state.js'
import { earn, spend, waitMs } from './throttle.js'

/**
 * The rules of jobs (spec §6) as one pure function. It reads no clock and makes no ids: the same commands at the same
 * times over the same state give the same state and events, on every store and node. Input has been checked.
 */
export type Command =
  | ({ readonly attempt?: number | undefined } & JobAction)
  /** Its deadline has passed. */
  | { readonly action: 'deadline' }
  /** What was withheld may leave. `last`: also before its time, because who would let it leave then is about to go. */
  | { readonly action: 'flush'; readonly last?: boolean }
  /** All jobs below it are cancelled too. */
  | { readonly action: 'cascaded' }

export interface JobEvent {
  readonly type: string
  readonly data: unknown
  /** A newer one makes it superfluous for a reader that lags (E6). */
  readonly conflated: boolean
}

/** The next state, what to tell, and when to look again. */
export interface Step {
  readonly outcome: 'next'
  readonly state: JobState
  readonly events: readonly JobEvent[]
  readonly deadline: Deadline | 'kept' | null
}

export type Reduced =
  | Step
  /** Nothing to do and nothing to store. */
  | { readonly outcome: 'nothing' }
  | { readonly outcome: 'refused'; readonly reason: 'ended' | 'fenced' }
  /** A counter would pass what numbers can hold exactly, or there would be too many. */
  | { readonly outcome: 'invalid'; readonly field: string }
  /** The job's time after its end is over: everything of it goes. */
  | { readonly outcome: 'gone' }

/** `now` is the store's clock, Unix ms, here and below. `ancestors`: its parent first (J9). */
export function create(id: string, given: CreatedJob, ancestors: readonly string[], origin: string, now: number): Step {
  const state = initialState(id, given, ancestors, origin, now)
  return step(state, [event(jobEventTypes.created, state.job)], now)
}

export function reduce(state: JobState, command: Command, now: number): Reduced {
  if (command.action === 'deadline') return passDeadline(state, now)
  if (command.action === 'flush') return flush(state, command.last ?? false, now)
  if (command.action === 'cascaded') return cascaded(state, now)
  if (isEnded(state.job.status)) return { outcome: 'refused', reason: 'ended' }
  if (command.attempt !== undefined && command.attempt !== state.job.attempt)
    return { outcome: 'refused', reason: 'fenced' }
  if (command.action === 'cancel') return end(state, [], 'cancelled', {}, now)
  // Whatever a worker says first also starts the job (J4), and each word of it renews the lease (J6).
  const events: JobEvent[] = []
  let leased = state
  if (state.job.status === 'queued') {
    // The event carries what was withheld of a parent that its children had moved already.
    leased = { ...state, withheld: false, job: started(state.job, now) }
    events.push(event(jobEventTypes.started, leased.job))
  }
  switch (command.action) {
    case 'complete':
      return end(
        leased,
        events,
        'completed',
        { percent: 100, ...(command.result !== undefined && { result: command.result }) },
        now,
      )
    case 'fail':
      return fail(leased, events, command.error, now)
    case 'update':
      return update(leased, events, command, now)
    case 'start':
    case 'renew':
      return publish({ ...leased, leasedAt: now }, events, [], now)
  }
}

function update(state: JobState, events: JobEvent[], given: JobUpdate, now: number): Reduced {
  const { job } = state
  const counters = { ...job.counters }
  for (const [name, by = 0] of Object.entries(given.increment ?? {})) {
    const sum = counterOf(counters, name) + by
    if (!Number.isSafeInteger(sum)) return { outcome: 'invalid', field: `increment.${name}` }
    counters[name] = sum
  }
  if (Object.keys(counters).length > jobLimits.counters) return { outcome: 'invalid', field: 'increment' }
  const setTotal = given.set?.total ?? state.setTotal
  const total = totalOf(setTotal, counters, state.children)
  const { stage = job.stage, message = job.message, current = job.current } = given.set ?? {}
  const shown = { counters, total, percent: percentOf(counters, total, job.percent), stage, message, current }
  const visible = differs(shown, job)
  const next: JobState = {
    ...state,
    job: visible ? changed(job, shown) : job,
    setTotal,
    leasedAt: now,
    withheld: state.withheld || visible,
    ...(given.log && { heldLines: [...state.heldLines, ...given.log.map((line) => ({ at: now, ...line }))] }),
  }
  const own = (given.publish ?? []).map(({ type, data }) => event(type, data))
  return publish(next, events, own, now)
}

type Shown = Pick<Job, 'counters' | 'total' | 'percent' | 'stage' | 'message' | 'current'>

/** Whether readers could tell. By hand, because it is asked for every command of a hot job. */
function differs(one: Shown, other: Shown): boolean {
  if (one.total !== other.total || one.percent !== other.percent) return true
  if (one.stage !== other.stage || one.message !== other.message) return true
  for (const name in one.counters) {
    if (!Object.hasOwn(other.counters, name) || one.counters[name] !== other.counters[name]) return true
  }
  return one.current !== other.current && JSON.stringify(one.current) !== JSON.stringify(other.current)
}

/** Adds what is owed to readers when the throttle lets it leave; the rest stays marked in the state. */
export function publish(state: JobState, events: readonly JobEvent[], own: readonly JobEvent[], now: number): Step {
  const lines = logEvents(state)
  const owed = state.withheld ? [...lines, event(jobEventTypes.progress, state.job, true)] : lines
  if (owed.length === 0) return step(state, [...events, ...own], now)
  const earned = earn(state.throttle, now)
  const spent = spend(earned, owed.length)
  if (spent)
    return step({ ...state, throttle: spent, withheld: false, heldLines: [] }, [...events, ...owed, ...own], now)
  // Lines are never dropped and a state has its size, so a job that writes very much log leaves its rate behind.
  if (lines.length > 1) {
    const emptied = { ...earned, creditMs: 0 }
    return step({ ...state, throttle: emptied, heldLines: [] }, [...events, ...lines, ...own], now)
  }
  return step({ ...state, throttle: earned }, [...events, ...own], now)
}

/** The trailing edge: what was withheld, once it may leave. */
function flush(state: JobState, last: boolean, now: number): Reduced {
  const dueMs = flushWaitMs(state, now)
  if (isEnded(state.job.status) || dueMs === null || (dueMs > 0 && !last)) return { outcome: 'nothing' }
  if (dueMs === 0) return publish(state, [], [], now)
  const events = [...logEvents(state), ...(state.withheld ? [event(jobEventTypes.progress, state.job, true)] : [])]
  const throttle = { ...earn(state.throttle, now), creditMs: 0 }
  return step({ ...state, throttle, withheld: false, heldLines: [] }, events, now)
}

/** When the trailing edge may leave: ms from `now`, or null when nothing is withheld. */
export function flushWaitMs(state: JobState, now: number): number | null {
  const owed = logEvents(state).length + (state.withheld ? 1 : 0)
  return owed === 0 ? null : waitMs(earn(state.throttle, now), owed)
}

/** With attempts left it is not the end (J6), whatever `error.retryable` says: that word is for people and programs. */
function fail(state: JobState, events: readonly JobEvent[], error: JobError, now: number): Step {
  if (state.job.attempt >= state.job.attempts) return end(state, events, 'failed', { error }, now)
  const lines = logEvents(state)
  const again = nextAttempt(state, error, now)
  return step(again, [...events, ...lines, event(jobEventTypes.retrying, again.job)], now)
}

/** The one end (J3): it waits for nothing and carries the whole state, so a withheld step is not missed. */
function end(
  state: JobState,
  events: readonly JobEvent[],
  status: 'completed' | 'failed' | 'cancelled',
  more: Partial<Job>,
  now: number,
): Step {
  const job = changed(state.job, { status, endedAt: now, ...more })
  const cascade = status === 'cancelled' && (state.children?.open ?? 0) > 0
  const ended = { ...state, job, withheld: false, heldLines: [], ...(cascade && { cascade }) }
  return step(ended, [...events, ...logEvents(state), event(jobEventTypes[status], job)], now)
}

const stalled: JobError = {
  code: 'stalled',
  message: 'Nobody has worked on this for a while, so it was stopped.',
  retryable: true,
}
const expired: JobError = { code: 'expired', message: 'Nobody started this in time.', retryable: true }

/** The store says that the deadline of this very state has passed (J6, J8). */
function passDeadline(state: JobState, now: number): Reduced {
  if (state.cascade) return step(state, [], now)
  if (isEnded(state.job.status)) return { outcome: 'gone' }
  // An attempt that nobody began is none that failed: to queue it once more would only make people wait longer.
  if (state.job.status === 'queued') return end(state, [], 'failed', { error: expired }, now)
  return fail(state, [], stalled, now)
}

function cascaded({ cascade, ...state }: JobState, now: number): Reduced {
  return cascade ? step(state, [], now) : { outcome: 'nothing' }
}

/** Jobs below a cancelled one are cancelled at once; where that process died, the sweep of another takes it up. */
const cascadeMs = 1_000

export function step(state: JobState, events: readonly JobEvent[], now: number): Step {
  return { outcome: 'next', state, events, deadline: deadlineOf(state, now) }
}

/**
 * What renews nothing (a flush) keeps the lease as the store has it: only the store knows whether it was granted anew after a
 * pause. A hub that stood still longer than a lease would otherwise end a healthy job by the flush it owed.
 */
function deadlineOf(state: JobState, now: number): Deadline | 'kept' | null {
  const left = (from: number, ms: number): number => Math.max(1, Math.min(ms, from + ms - now))
  const { status, endedAt } = state.job
  if (state.cascade) return { afterMs: cascadeMs, lease: false }
  if (isEnded(status)) return { afterMs: left(endedAt ?? now, state.ttlMs), lease: false }
  // Jobs below it have deadlines of their own, and the end of the last one begins a lease here (J9), or the wait for a next
  // attempt.
  if (state.children && state.children.open > 0) return null
  if (status === 'queued') return { afterMs: left(state.leasedAt, state.startWithinMs), lease: false }
  return state.leasedAt === now ? { afterMs: state.leaseMs, lease: true } : 'kept'
}

export const event = (type: string, data: unknown, conflated = false): JobEvent => ({ type, data, conflated })

/** Characters of one log event: far below the 64 KiB of an event even where each takes three bytes. */
const linesPerEvent = 16 * 1024

const noEvents: readonly JobEvent[] = []

function logEvents(state: JobState): readonly JobEvent[] {
  if (state.heldLines.length === 0) return noEvents
  const parts: JobLogLine[][] = []
  let size = 0
  for (const line of state.heldLines) {
    const characters = JSON.stringify(line).length
    if (parts.length === 0 || size + characters > linesPerEvent) {
      parts.push([])
      size = 0
    }
    parts.at(-1)?.push(line)
    size += characters
  }
  return parts.map((lines) => event(jobEventTypes.log, { id: state.job.id, version: state.job.version, lines }))
}
