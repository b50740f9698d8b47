import type { JobError, JobUpdate } from '../../protocol/job.js'
import { isEnded } from '../../protocol/job.js'
import { type Command, type Step, reduce } from '../job.js'
import type { JobState } from '../state.js'
import type { Shown } from './progress.js'
import { isBehind } from './queue.js'

/**
 * How far another system's history has been copied into a job. It is kept in the job's own state and so changes in one step
 * with what was copied: a copy that is made again, by this node after a crash or by another one beside it, however late,
 * changes nothing (J10).
 */
export interface Copied {
  /** The last entry of the stream, and the step of it. */
  readonly at: readonly number[]
  /** Lines of the log. */
  readonly lines: number
}

export type CopiedState = JobState & { readonly copied?: Copied }

export interface Copy {
  /** The place of what is copied: done only behind what was. Absent: what is copied can be said twice. */
  readonly at?: readonly number[]
  readonly say: /** A worker has taken it. */
    | { readonly what: 'start' }
    | ({ readonly what: 'show' } & Shown)
    /** Lines of the log from number `from` on; those that were copied before are left out. */
    | { readonly what: 'log'; readonly from: number; readonly lines: readonly string[] }
    /** The first lines of the log were another job's. */
    | { readonly what: 'skip'; readonly lines: number }
    /**
     * A run is over and another follows. Where `runs` are given, only if the job does not count so many yet (`left`: if it has
     * attempts left); and `all` at once, not one more.
     */
    | { readonly what: 'again'; readonly error: JobError; readonly runs?: number | 'left'; readonly all?: boolean }
    /** The end, whatever attempts are left here: the other system has decided. */
    | { readonly what: 'complete'; readonly result?: unknown }
    | { readonly what: 'fail'; readonly error: JobError }
    | { readonly what: 'cancel' }
    /** It is still being worked on. */
    | { readonly what: 'renew' }
    | { readonly what: 'flush' }
}

export const copiedOf = (state: CopiedState): Copied => state.copied ?? { at: [], lines: 0 }

/** The step that the copy makes, or null where there is nothing to do: it was copied, or the job has ended. */
export function reduceCopy(state: CopiedState, copy: Copy, now: number): (Step & { state: CopiedState }) | null {
  const copied = copiedOf(state)
  if (copy.at && !isBehind(copy.at, copied.at)) return null
  if (copy.say.what !== 'flush' && isEnded(state.job.status)) return null
  const step = stepOf(state, copy.say, copied.lines, now)
  if (!step) return null
  return {
    ...step,
    state: { ...step.state, copied: { at: copy.at ?? copied.at, lines: linesAfter(copied.lines, copy.say) } },
  }
}

function linesAfter(lines: number, say: Copy['say']): number {
  if (say.what === 'log') return Math.max(lines, say.from + say.lines.length)
  return say.what === 'skip' ? Math.max(lines, say.lines) : lines
}

function stepOf(state: JobState, say: Copy['say'], copiedLines: number, now: number): Step | null {
  const { status, attempt, attempts } = state.job
  switch (say.what) {
    case 'start':
      return taken(state, { action: 'start' }, now)
    case 'renew':
      return status === 'running' ? taken(state, { action: 'renew' }, now) : null
    case 'flush':
      return taken(state, { action: 'flush' }, now)
    case 'cancel':
      return taken(state, { action: 'cancel' }, now)
    case 'show':
      return update(state, shownUpdate(state, say), now)
    case 'skip':
      return update(state, {}, now)
    case 'log': {
      // Another node may have copied some of them since these were read.
      const fresh = copiedLines < say.from ? [] : say.lines.slice(copiedLines - say.from)
      if (fresh.length === 0) return null
      return update(state, { log: fresh.map((message) => ({ level: 'info', message })) }, now)
    }
    case 'complete':
      return taken(state, { action: 'complete', ...(say.result !== undefined && { result: say.result }) }, now)
    case 'fail':
      return taken(withAttempts(state, attempt), { action: 'fail', error: say.error }, now)
    case 'again': {
      const { runs = attempt, all = false } = say
      const reached = runs === 'left' ? attempts : runs + 1
      if (reached <= attempt) return null
      const next = all ? reached : attempt + 1
      const before = { ...state, job: { ...state.job, attempt: next - 1 } }
      return taken(withAttempts(before, Math.max(attempts, next)), { action: 'fail', error: say.error }, now)
    }
  }
}

function taken(state: JobState, command: Command, now: number): Step | null {
  const reduced = reduce(state, command, now)
  return reduced.outcome === 'next' ? reduced : null
}

/** How many attempts there are is for the other system to say. */
const withAttempts = (state: JobState, attempts: number): JobState => ({ ...state, job: { ...state.job, attempts } })

/** What is said of a job between two runs does not begin the next one, as a worker's word would. */
function update(state: JobState, given: JobUpdate, now: number): Step | null {
  if (state.job.status !== 'queued') return taken(state, { action: 'update', ...given }, now)
  const running = { ...state, job: { ...state.job, status: 'running' as const } }
  const step = taken(running, { action: 'update', ...given }, now)
  if (!step) return null
  const { leasedAt } = state
  const queued = (data: unknown): unknown => {
    const job = data as { readonly status?: string }
    return job.status === 'running' ? { ...job, status: 'queued' } : data
  }
  return {
    ...step,
    state: { ...step.state, leasedAt, job: { ...step.state.job, status: 'queued' } },
    events: step.events.map((event) => ({ ...event, data: queued(event.data) })),
    deadline: { afterMs: Math.max(1, leasedAt + state.startWithinMs - now), lease: false },
  }
}

function shownUpdate(state: JobState, say: Extract<Copy['say'], { readonly what: 'show' }>): JobUpdate {
  const { what: _, counters = {}, ...set } = say
  const known = state.job.counters
  const increment = Object.fromEntries(
    Object.entries(counters).map(([name, to]) => [
      name,
      Math.max(0, to - (Object.hasOwn(known, name) ? (known[name] ?? 0) : 0)),
    ]),
  )
  return { increment, set }
}
