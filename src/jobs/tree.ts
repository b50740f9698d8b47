import type { TidingsError } from '../errors.js'
import { type RefusalReason, isEnded, jobEventTypes } from '../protocol/job.js'
import { jobLimits } from '../protocol/job-input.js'
import { type Change, count, nothing, shareOf, sums } from './group.js'
import { type Command, type JobEvent, type Step, create, reduce, step } from './job.js'
import { active, cancelling, noParent, overflow, parentEnded, reused, tooDeep, tooMany } from './refusals.js'
import type { CreatedJob, JobState, Share } from './state.js'

/** What can be asked of a job where those around it matter too. */
export type TreeCommand =
  | Command
  | { readonly action: 'create'; readonly given: CreatedJob; readonly origin: string }
  /** It has ended and is to leave nothing behind (J8). */
  | { readonly action: 'remove' }

export interface TreeEvent extends JobEvent {
  readonly jobId: string
  readonly owner: string
}

/** A job as it is to be written; without one it goes. */
export type Write = Pick<Step, 'state' | 'deadline'> | null

/** What became of a command. */
export type Verdict =
  | 'done'
  /** Nothing to do and nothing to store. */
  | 'nothing'
  /** There is no such job. */
  | 'missing'
  /** It was created by the same command before. */
  | 'exists'
  /** Its id was taken by a job that goes in this very step: not before the next. */
  | 'later'
  | { readonly refused: RefusalReason | TidingsError }

/**
 * Some jobs of one group, and what commands make of them: the job itself, and each one above it, which counts it in the same
 * step (J9). Pure, as the rules of one job are: it looks at what it was given and remembers what is to be written and told.
 */
export class Tree {
  readonly writes = new Map<string, Write>()
  readonly events: TreeEvent[] = []
  readonly #before: (jobId: string) => JobState | null
  readonly #now: number

  /** `now`: the store's clock, Unix ms. */
  constructor(before: (jobId: string) => JobState | null, now: number) {
    this.#before = before
    this.#now = now
  }

  state(jobId: string): JobState | null {
    const write = this.writes.get(jobId)
    return write === undefined ? this.#before(jobId) : (write?.state ?? null)
  }

  apply(jobId: string, command: TreeCommand): Verdict {
    if (command.action === 'create') return this.#create(jobId, command.given, command.origin)
    const state = this.state(jobId)
    if (!state) return 'missing'
    if (command.action === 'remove') return this.#remove(state)
    const reduced = reduce(state, command, this.#now)
    switch (reduced.outcome) {
      case 'next':
        this.#carry(state, reduced)
        return 'done'
      case 'refused':
        return { refused: reduced.reason }
      case 'invalid':
        return { refused: overflow(reduced.field) }
      case 'gone':
        // What it counted for those above stays: what is done does not come undone because a day has passed.
        this.writes.set(jobId, null)
        return 'done'
      default:
        return reduced.outcome
    }
  }

  #create(jobId: string, given: CreatedJob, origin: string): Verdict {
    if (this.writes.get(jobId) === null) return 'later'
    const existing = this.state(jobId)
    if (existing) return existing.origin === origin ? 'exists' : { refused: reused(jobId) }
    const place = this.#placeFor(given)
    if ('refused' in place) return place
    const { ancestors, replaced } = place
    if (replaced) {
      const { counted: _, ...left } = replaced
      this.#put(step(left, [], this.#now))
    }
    const first = create(jobId, given, ancestors, origin, this.#now)
    this.#carry(null, first, { from: replaced?.counted ?? nothing, made: replaced ? 0 : 1 })
    return 'done'
  }

  /** Where a new job stands. One that runs another again takes its place, and without a place left stands alone. */
  #placeFor({ parent: parentId, owner, retryOf }: CreatedJob): Place | { readonly refused: TidingsError } {
    const alone = { ancestors: [], replaced: null }
    if (parentId === undefined) return alone
    const parent = this.state(parentId)
    const known = parent !== null && parent.job.owner === owner
    const ancestors = parent ? [parentId, ...parent.ancestors] : []
    const summing = known && ancestors.every((id) => sums(this.state(id)))
    if (!summing && retryOf !== undefined) return alone
    if (!known) return { refused: noParent() }
    if (!summing) return { refused: parentEnded() }
    if (ancestors.length >= jobLimits.levels) return { refused: tooDeep() }
    const before = retryOf === undefined ? null : this.state(retryOf)
    const replaced = before?.counted && before.job.parent === parentId ? before : null
    if (!replaced && (parent.children?.made ?? 0) >= jobLimits.children) return { refused: tooMany() }
    return { ancestors, replaced }
  }

  #remove(state: JobState): Verdict {
    if (!isEnded(state.job.status)) return { refused: active(state.job.id) }
    // Its state is all that tells of what is still to be cancelled below it.
    if (state.cascade) return { refused: cancelling(state.job.id) }
    this.writes.set(state.job.id, null)
    const { counted } = state
    if (counted) this.#countUp(state.ancestors, { ...quiet, from: counted, made: -1 })
    return 'done'
  }

  /** Puts a job and lets those above it count what it has published (J9). */
  #carry(before: JobState | null, next: Step, more: { from: Share; made: number } | null = null): void {
    const { state } = next
    this.#tell(state, next.events)
    // After its end nothing of it changes; its place may be another's by now.
    if (state.ancestors.length === 0 || (before && isEnded(before.job.status))) return this.#put(next)
    const from = more?.from ?? before?.counted ?? nothing
    const isOpen = !isEnded(state.job.status)
    const wasOpen = before !== null && !isEnded(before.job.status)
    const counted = this.#countUp(state.ancestors, {
      from,
      to: state.withheld ? from : shareOf(state),
      made: more?.made ?? 0,
      open: Number(isOpen) - Number(wasOpen),
      starts: next.events.some(isStart),
    })
    this.#put(counted ? { ...next, state: { ...state, counted } } : next)
  }

  /** What the first of `ancestors` has counted of the job below it from now on; null where that is as before. */
  #countUp([parentId, ...above]: readonly string[], change: Change): Share | null {
    if (parentId === undefined) return null
    const parent = this.state(parentId)
    if (!sums(parent)) {
      // It has ended and sums no more; those above it still want to know what is open.
      if (change.open !== 0) this.#countUp(above, { ...quiet, open: change.open })
      return null
    }
    const counted = count(parent, change, this.#now)
    if (!counted) return null
    const { state, events } = counted.step
    this.#tell(state, events)
    const upper = this.#countUp(above, {
      from: parent.counted ?? nothing,
      to: shareOf(state),
      made: 0,
      open: change.open,
      starts: events.some(isStart),
    })
    this.#put(upper ? { ...counted.step, state: { ...state, counted: upper } } : counted.step)
    return counted.counted
  }

  #put({ state, deadline }: Step): void {
    this.writes.set(state.job.id, { state, deadline })
  }

  #tell({ job }: JobState, events: readonly JobEvent[]): void {
    for (const event of events) this.events.push({ ...event, jobId: job.id, owner: job.owner })
  }
}

interface Place {
  readonly ancestors: readonly string[]
  /** The ended job whose place in the sum this one takes. */
  readonly replaced: JobState | null
}

const isStart = ({ type }: JobEvent): boolean => type === jobEventTypes.started

const quiet: Change = { from: nothing, to: nothing, made: 0, open: 0, starts: false }
