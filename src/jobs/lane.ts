import { type Clock, type Timer, wait } from '../clock.js'
import { TidingsError } from '../errors.js'
import type { MakeId } from '../ids.js'
import type { Position } from '../protocol/cursor.js'
import { type JobAnswer, type JobCommand, type RefusalReason, isEnded } from '../protocol/job.js'
import { jobTopic } from '../protocol/topic.js'
import type { Random } from '../random.js'
import type { AppendResult, Claim, StateRead, Store } from '../store/store.js'
import { type Command, type JobEvent, type Step, flushWaitMs, reduce } from './job.js'
import { deferred, notFound, overQuota, overflow, reused } from './refusals.js'
import { type JobState, decodeState, jobAt } from './state.js'
import type { StoreTime } from './store-time.js'
import { claimOf, eventsOf, writeOf } from './writes.js'

export interface LaneParts {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly makeId: MakeId
  readonly time: StoreTime
  readonly onError: (error: unknown) => void
}

/** The job as the store last showed it to this process. */
interface Known {
  readonly state: JobState
  readonly version: number
  readonly position: Position
}

interface Waiting {
  readonly command: Command
  readonly claim: Claim
  /** Ends, cancels and renewals do not wait for company, and ends are taken over the quota (S4). */
  readonly urgent: boolean
  readonly exempt: boolean
  readonly answered: Promise<JobAnswer>
  readonly resolve: (answer: JobAnswer) => void
  readonly reject: (error: unknown) => void
}

interface Plan {
  readonly accepted: Waiting[]
  readonly refused: Map<Waiting, RefusalReason>
  readonly events: JobEvent[]
  readonly last: Step | null
}

const windowMs = { from: 5, to: 250 } as const
const largestBatch = 500
/** No state is ever at this version, so an append that expects it only asks: are these ids known, and what is current? */
const impossibleVersion = Number.MAX_SAFE_INTEGER

/**
 * The commands that this process has for one job. They queue up, are reduced one after another over the pending state, and
 * leave as one append. Where other processes write the same job, each refusal doubles the time in which commands gather
 * and each success halves it: 50 writers without it cost 44 refusals an accepted write.
 */
export class Lane {
  readonly #parts: LaneParts
  readonly #namespace: string
  readonly #jobId: string
  readonly #queue: Waiting[] = []
  /** By claim: the same command sent twice at once is one command. */
  readonly #waiting = new Map<string, Waiting>()
  #known: Known | null = null
  #windowMs = 0
  #running: Promise<void> | null = null
  #gathering: AbortController | null = null
  #flushTimer: Timer | null = null
  /** Set by the engine's look-around: idle since then. */
  idleMark = false

  constructor(parts: LaneParts, namespace: string, jobId: string) {
    this.#parts = parts
    this.#namespace = namespace
    this.#jobId = jobId
  }

  /** Whether nothing is under way; `known` alone is no reason to keep a lane. */
  get idle(): boolean {
    return !this.#running && !this.#flushTimer
  }

  /** Rejects with `not_found`, `id_reused`, `job_invalid`, `quota`, or what the store says. */
  send(command: JobCommand): Promise<JobAnswer> {
    const { id, ...content } = command
    const ends = command.action === 'complete' || command.action === 'fail' || command.action === 'cancel'
    return this.#add(content, claimOf(this.#jobId, id, content), ends || command.action === 'renew', ends)
  }

  async close(): Promise<void> {
    this.#gathering?.abort()
    await this.#running
    this.#flushTimer?.cancel()
    this.#flushTimer = null
  }

  #add(command: Command, claim: Claim, urgent: boolean, exempt: boolean): Promise<JobAnswer> {
    this.idleMark = false
    const same = this.#waiting.get(claim.id)
    if (same) return same.claim.digest === claim.digest ? same.answered : Promise.reject(reused(claim.id))
    const { promise, resolve, reject } = deferred<JobAnswer>()
    const waiting = { command, claim, urgent, exempt, answered: promise, resolve, reject }
    this.#waiting.set(claim.id, waiting)
    this.#queue.push(waiting)
    if (urgent) this.#gathering?.abort()
    this.#running ??= this.#run()
    return promise
  }

  async #run(): Promise<void> {
    await null // What is sent in one go leaves in one append.
    while (this.#queue.length > 0) {
      await this.#gather()
      const batch = this.#take(largestBatch)
      try {
        await this.#carryOut(batch)
      } catch (error) {
        this.#known = null
        for (const waiting of batch) this.#settle(waiting, () => waiting.reject(error))
      }
    }
    this.#running = null
    this.#armFlush()
  }

  #take(most: number): Waiting[] {
    return this.#queue.splice(0, most)
  }

  /** Waits for company where others write too. Random, so that processes that met once do not meet again. */
  async #gather(already: readonly Waiting[] = []): Promise<void> {
    if (this.#windowMs === 0 || [...already, ...this.#queue].some((waiting) => waiting.urgent)) return
    this.#gathering = new AbortController()
    const { clock, random } = this.#parts
    await wait(clock, this.#windowMs * (0.5 + random.fraction()), this.#gathering.signal)
    this.#gathering = null
  }

  /** Answers every command of `batch`, which grows by what comes while it waits. */
  async #carryOut(batch: Waiting[]): Promise<void> {
    const { store, makeId, time } = this.#parts
    const repeated: Waiting[] = []
    let left: readonly Waiting[] = batch
    while (left.length > 0) {
      const known = this.#known ?? (await this.#read())
      if (!known) return this.#answerGone(left)
      const plan = this.#plan(known, left)
      left = left.filter((waiting) => plan.accepted.includes(waiting) || plan.refused.has(waiting))
      if (left.length === 0) break
      const { last } = plan
      const result = await store.append(this.#namespace, {
        commands: (last ? plan.accepted : left).map((waiting) => waiting.claim),
        events: last ? eventsOf(last.state, plan.events, makeId) : [],
        states: [last ? writeOf(last.state, known.version, last.deadline) : this.#question(known)],
        exempt: !last || plan.accepted.every((waiting) => waiting.exempt),
      })
      switch (result.outcome) {
        case 'stored':
          if (!last)
            throw new TidingsError('internal', 'The store carried out an append that expects an impossible version.')
          time.note(result.timestamp)
          this.#known = { state: last.state, version: known.version + 1, position: result.position }
          this.#windowMs = this.#windowMs <= windowMs.from ? 0 : this.#windowMs / 2
          for (const waiting of plan.accepted) this.#accept(waiting)
          left = [...plan.refused.keys()]
          break
        case 'conflict':
          left = await this.#afterConflict(result, known, plan, left, batch)
          break
        case 'repeated': {
          const ids = new Set(result.ids)
          repeated.push(...left.filter((waiting) => ids.has(waiting.claim.id)))
          left = left.filter((waiting) => !ids.has(waiting.claim.id))
          this.#known = null
          break
        }
        case 'reused':
          if (!this.#waiting.has(result.id))
            throw new TidingsError('internal', `The id ${result.id} of an event exists already.`)
          left = this.#reject(
            left,
            (waiting) => waiting.claim.id === result.id,
            () => reused(result.id),
          )
          break
        case 'quota':
          left = this.#reject(
            left,
            (waiting) => !waiting.exempt,
            () => overQuota(result.keptBytes, result.quotaBytes),
          )
          this.#known = null
      }
    }
    if (repeated.length === 0) return
    // The first answer of a repeated command was "accepted": only those are remembered.
    if (!(this.#known ?? (await this.#read()))) return this.#answerGone(repeated)
    for (const waiting of repeated) this.#accept(waiting)
  }

  /** Reduces the commands one after another over the state that is known. */
  #plan(known: Known, commands: readonly Waiting[]): Plan {
    const plan = { accepted: [] as Waiting[], refused: new Map<Waiting, RefusalReason>(), events: [] as JobEvent[] }
    const now = this.#parts.time.now()
    let { state } = known
    let last: Step | null = null
    for (const waiting of commands) {
      const reduced = reduce(state, waiting.command, now)
      if (reduced.outcome === 'next') {
        last = reduced
        state = reduced.state
        plan.events.push(...reduced.events)
        plan.accepted.push(waiting)
      } else if (reduced.outcome === 'refused') plan.refused.set(waiting, reduced.reason)
      else if (reduced.outcome === 'invalid') this.#settle(waiting, () => waiting.reject(overflow(reduced.field)))
      else this.#accept(waiting)
    }
    return { ...plan, last }
  }

  /**
   * Before a command is refused the store is asked whether it knows its id: what is sent again after a lost answer must
   * get its first answer, also when the job has ended since. The same question shows whether the state is still current.
   */
  #question(known: Known): { topic: string; expect: number; value: string } {
    return { topic: jobTopic(known.state.job.id), expect: impossibleVersion, value: '' }
  }

  async #afterConflict(
    result: Extract<AppendResult, { outcome: 'conflict' }>,
    known: Known,
    plan: Plan,
    left: readonly Waiting[],
    batch: Waiting[],
  ): Promise<readonly Waiting[]> {
    const current = result.states[0]
    this.#known = current ? this.#note(current) : null
    if (!current) throw new TidingsError('internal', 'The store reported a conflict without the current state.')
    if (!this.#known) {
      this.#answerGone(left)
      return []
    }
    if (plan.last === null && this.#known.version === known.version) {
      for (const [waiting, reason] of plan.refused) this.#answer(waiting, false, reason)
      return []
    }
    if (plan.last === null) return left
    this.#windowMs = Math.min(windowMs.to, Math.max(windowMs.from, this.#windowMs * 2))
    await this.#gather(left)
    const company = this.#take(largestBatch - left.length)
    batch.push(...company)
    return [...left, ...company]
  }

  async #read(): Promise<Known | null> {
    const read = await this.#parts.store.state(this.#namespace, jobTopic(this.#jobId))
    this.#known = this.#note(read)
    return this.#known
  }

  #note({ state, upTo, timestamp }: StateRead): Known | null {
    this.#parts.time.note(timestamp)
    return state && { state: decodeState(state.value), version: state.version, position: upTo }
  }

  #accept(waiting: Waiting): void {
    this.#answer(waiting, true)
  }

  #answer(waiting: Waiting, accepted: boolean, reason?: RefusalReason): void {
    const known = this.#known
    if (!known) return
    const leaseMs = isEnded(known.state.job.status) ? undefined : known.state.leaseMs
    const job = jobAt(known.state, known.position)
    this.#settle(waiting, () =>
      waiting.resolve({ accepted, ...(reason && { reason }), job, ...(leaseMs && { leaseMs }) }),
    )
  }

  #answerGone(commands: readonly Waiting[]): void {
    this.#known = null
    for (const waiting of commands) this.#settle(waiting, () => waiting.reject(notFound(this.#jobId)))
  }

  #reject(commands: readonly Waiting[], which: (waiting: Waiting) => boolean, why: () => TidingsError): Waiting[] {
    for (const waiting of commands) if (which(waiting)) this.#settle(waiting, () => waiting.reject(why()))
    return commands.filter((waiting) => !which(waiting))
  }

  #settle(waiting: Waiting, how: () => void): void {
    if (this.#waiting.get(waiting.claim.id) === waiting) this.#waiting.delete(waiting.claim.id)
    how()
  }

  /** The trailing edge of the throttle (J5), by whoever wrote the job last. Where that process dies the next renewal does it. */
  #armFlush(): void {
    this.#flushTimer?.cancel()
    this.#flushTimer = null
    if (!this.#known || isEnded(this.#known.state.job.status)) return
    const dueMs = flushWaitMs(this.#known.state, this.#parts.time.now())
    if (dueMs === null) return
    this.#flushTimer = this.#parts.clock.setTimer(() => {
      this.#flushTimer = null
      const id = this.#parts.makeId()
      this.#add({ action: 'flush' }, claimOf(this.#jobId, id, 'flush'), true, false).catch((error) =>
        this.#parts.onError(error),
      )
    }, dueMs)
  }
}
