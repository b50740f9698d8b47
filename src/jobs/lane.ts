import { type Clock, type Timer, wait } from '../clock.js'
import { TidingsError } from '../errors.js'
import type { MakeId } from '../ids.js'
import type { Position } from '../protocol/cursor.js'
import { isEnded, type JobAnswer, type JobCommand, type RefusalReason } from '../protocol/job.js'
import { jobTopic } from '../protocol/topic.js'
import type { Random } from '../random.js'
import type { AppendResult, Claim, StateRead, StateWrite, Store } from '../store/store.js'
import { type Command, flushWaitMs } from './job.js'
import { type Plan, planOf } from './plan.js'
import { notFound, overQuota, reused } from './refusals.js'
import { decodeState, type JobState, jobAt } from './state.js'
import { StoreTime } from './store-time.js'
import { type Waiting, waitingFor } from './waiting.js'
import { claimOf, eventsOf, writeOf } from './writes.js'

export interface LaneParts {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly makeId: MakeId
  readonly onError: (error: unknown) => void
}

/** The job as the store last showed it to this process. */
interface Known {
  readonly state: JobState
  readonly version: number
  readonly position: Position
}

const windowMs = { from: 5, to: 250 } as const
const largestBatch = 500

/**
 * The commands that this process has for one job. They queue up, are reduced one after another over the pending state, and
 * leave as one append. Where other processes write the same job, each refusal doubles the time in which commands gather
 * and each success halves it: 50 writers without it cost 44 refusals an accepted write.
 */
export class Lane {
  readonly #parts: LaneParts
  /** Of this namespace: each has its own stamps, and one that ran ahead of the clock must not move another. */
  readonly #time: StoreTime
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
    this.#time = new StoreTime(parts.clock)
    this.#namespace = namespace
    this.#jobId = jobId
  }

  /** Whether nothing is under way; what is known of the job is no reason to keep a lane. */
  get idle(): boolean {
    return !this.#running && !this.#flushTimer
  }

  /** Rejects with `not_found`, `id_reused`, `job_invalid`, `quota`, or what the store says. */
  send({ id, ...command }: JobCommand): Promise<JobAnswer> {
    // The attempt is no part of what an id stands for: another process repeats the command without knowing it.
    const { attempt: _, ...content } = command
    return this.#add(command, claimOf(this.#jobId, id, content))
  }

  async close(): Promise<void> {
    this.#gathering?.abort()
    await this.#running
    this.#flushTimer?.cancel()
    this.#flushTimer = null
  }

  #add(command: Command, claim: Claim): Promise<JobAnswer> {
    this.idleMark = false
    const same = this.#waiting.get(claim.id)
    if (same) return same.claim.digest === claim.digest ? same.answered : Promise.reject(reused(claim.id))
    const waiting = waitingFor(command, claim)
    this.#waiting.set(claim.id, waiting)
    this.#queue.push(waiting)
    if (waiting.urgent) this.#gathering?.abort()
    this.#running ??= this.#run()
    return waiting.answered
  }

  async #run(): Promise<void> {
    await null // What is sent in one go leaves in one append.
    while (this.#queue.length > 0) {
      await this.#gather(this.#queue)
      const batch = this.#queue.splice(0, largestBatch)
      try {
        await this.#carryOut(batch)
      } catch (error) {
        this.#known = null
        this.#reject(batch, error)
      }
    }
    this.#running = null
    this.#armFlush()
  }

  /** Waits for company where others write too. Random, so that processes that met once do not meet again. */
  async #gather(commands: readonly Waiting[]): Promise<void> {
    if (this.#windowMs === 0 || commands.some(({ urgent }) => urgent) || this.#queue.some(({ urgent }) => urgent))
      return
    this.#gathering = new AbortController()
    const delayMs = Math.ceil(this.#windowMs * (0.5 + this.#parts.random.fraction()))
    await wait(this.#parts.clock, delayMs, this.#gathering.signal)
    this.#gathering = null
  }

  /** Answers every command of `batch`, which grows by what comes while it waits. */
  async #carryOut(batch: Waiting[]): Promise<void> {
    const { store, makeId } = this.#parts
    const repeated: Waiting[] = []
    let left: readonly Waiting[] = batch
    while (left.length > 0) {
      const known = this.#known ?? (await this.#read())
      if (!known) return this.#reject(left, notFound(this.#jobId))
      const plan = planOf(known.state, left, this.#time.now())
      for (const waiting of plan.idle) this.#answer(known, waiting)
      left = [...plan.accepted, ...plan.refused.keys()]
      if (left.length === 0) break
      const { last } = plan
      const result = await store.append(this.#namespace, {
        commands: (last ? plan.accepted : left).map(({ claim }) => claim),
        events: last ? eventsOf(last.state, plan.events, makeId) : [],
        states: [last ? writeOf(last.state, known.version, last.deadline) : question(this.#jobId)],
        exempt: !last || plan.accepted.every(({ exempt }) => exempt),
      })
      if (result.outcome === 'stored') left = this.#afterStored(result, known, plan)
      else if (result.outcome === 'conflict') left = await this.#afterConflict(result, known, plan, left, batch)
      else if (result.outcome === 'quota') {
        this.#known = null // So that a withheld step does not try again at once.
        left = this.#part(left, ({ exempt }) => exempt, overQuota(result.keptBytes, result.quotaBytes))
      } else if (result.outcome === 'reused') {
        if (!this.#waiting.has(result.id))
          throw new TidingsError('internal', `The id ${result.id} of an event exists already.`)
        left = this.#part(left, ({ claim }) => claim.id !== result.id, reused(result.id))
      } else {
        const ids = new Set(result.ids)
        repeated.push(...left.filter(({ claim }) => ids.has(claim.id)))
        left = left.filter(({ claim }) => !ids.has(claim.id))
        this.#known = null
      }
    }
    if (repeated.length === 0) return
    // The first answer of a repeated command was "accepted": only those are remembered.
    const known = this.#known ?? (await this.#read())
    if (!known) return this.#reject(repeated, notFound(this.#jobId))
    for (const waiting of repeated) this.#answer(known, waiting)
  }

  #afterStored(result: AppendResult & { outcome: 'stored' }, before: Known, plan: Plan<Waiting>): readonly Waiting[] {
    if (!plan.last)
      throw new TidingsError('internal', 'The store carried out an append that expects an impossible version.')
    this.#time.note(result.timestamp)
    const known = { state: plan.last.state, version: before.version + 1, position: result.position }
    this.#known = known
    this.#windowMs = this.#windowMs <= windowMs.from ? 0 : this.#windowMs / 2
    for (const waiting of plan.accepted) this.#answer(known, waiting)
    return [...plan.refused.keys()]
  }

  async #afterConflict(
    result: AppendResult & { outcome: 'conflict' },
    before: Known,
    plan: Plan<Waiting>,
    left: readonly Waiting[],
    batch: Waiting[],
  ): Promise<readonly Waiting[]> {
    const current = result.states[0]
    if (!current) throw new TidingsError('internal', 'The store reported a conflict without the current state.')
    const known = this.#note(current)
    // Gone: the next round says so.
    if (!known) return left
    if (!plan.last) {
      if (known.version !== before.version) return left
      for (const [waiting, why] of plan.refused) {
        if (why instanceof TidingsError) this.#reject([waiting], why)
        else this.#answer(known, waiting, why)
      }
      return []
    }
    this.#windowMs = Math.min(windowMs.to, Math.max(windowMs.from, this.#windowMs * 2))
    await this.#gather(left)
    const company = this.#queue.splice(0, largestBatch - left.length)
    batch.push(...company)
    return [...left, ...company]
  }

  async #read(): Promise<Known | null> {
    return this.#note(await this.#parts.store.state(this.#namespace, jobTopic(this.#jobId)))
  }

  #note({ state, upTo, timestamp }: StateRead): Known | null {
    this.#time.note(timestamp)
    this.#known = state && { state: decodeState(state.value), version: state.version, position: upTo }
    return this.#known
  }

  #answer({ state, position }: Known, waiting: Waiting, reason?: RefusalReason): void {
    this.#forget(waiting)
    const job = jobAt(state, position)
    const lease = isEnded(job.status) ? {} : { leaseMs: state.leaseMs }
    waiting.resolve({ accepted: reason === undefined, ...(reason && { reason }), job, ...lease })
  }

  #reject(commands: readonly Waiting[], error: unknown): void {
    for (const waiting of commands) {
      this.#forget(waiting)
      waiting.reject(error)
    }
  }

  /** Keeps those that `stay` and rejects the others. */
  #part(commands: readonly Waiting[], stay: (waiting: Waiting) => boolean, error: TidingsError): readonly Waiting[] {
    this.#reject(
      commands.filter((waiting) => !stay(waiting)),
      error,
    )
    return commands.filter(stay)
  }

  #forget(waiting: Waiting): void {
    if (this.#waiting.get(waiting.claim.id) === waiting) this.#waiting.delete(waiting.claim.id)
  }

  /** The trailing edge of the throttle (J5), by whoever wrote the job last. Where that process dies the next renewal does it. */
  #armFlush(): void {
    this.#flushTimer?.cancel()
    this.#flushTimer = null
    if (!this.#known || isEnded(this.#known.state.job.status)) return
    const dueMs = flushWaitMs(this.#known.state, this.#time.now())
    if (dueMs === null) return
    this.#flushTimer = this.#parts.clock.setTimer(() => {
      this.#flushTimer = null
      const claim = claimOf(this.#jobId, this.#parts.makeId(), 'flush')
      this.#add({ action: 'flush' }, claim).catch((error) => this.#parts.onError(error))
    }, dueMs)
  }
}

/**
 * Before a command is refused the store is asked whether it knows its id: what is sent again after a lost answer must get
 * its first answer, also when the job has ended since. No state is ever at this version, so nothing is done; the answer is
 * either `repeated` or a conflict that shows the current state.
 */
const question = (jobId: string): StateWrite => ({ topic: jobTopic(jobId), expect: Number.MAX_SAFE_INTEGER, value: '' })
