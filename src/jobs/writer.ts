import { TidingsError } from '../errors.js'
import type { MakeId } from '../ids.js'
import { type RefusalReason, isEnded, jobEventTypes } from '../protocol/job.js'
import { jobTopic } from '../protocol/topic.js'
import type { AppendResult, StateWrite, Store } from '../store/store.js'
import type { JobCounters } from './counters.js'
import type { KnownJob, KnownJobs } from './known.js'
import { type Plan, jobsOf, planOf } from './plan.js'
import { goneAgain, notFound, overQuota, reused } from './refusals.js'
import { jobAt } from './state.js'
import type { Answer, Waiting } from './waiting.js'
import { eventsOf, writeOf } from './writes.js'

export interface WriterParts {
  readonly store: Store
  readonly makeId: MakeId
  readonly counters: JobCounters
  /** Jobs below a cancelled one have to be cancelled. Must not throw. */
  readonly cascade: (namespace: string, jobId: string) => void
}

export interface WriterEvents {
  /** These jobs have been written, or looked at in vain. */
  settled(jobIds: Iterable<string>): void
  stored(): void
  /** Another process was faster. Resolves to what has come meanwhile and may share the next append. */
  conflicted(left: readonly Waiting[]): Promise<readonly Waiting[]>
}

/** Turns commands for the jobs of one group into appends under compare-and-set, until each is answered. */
export class Writer {
  readonly #parts: WriterParts
  readonly #namespace: string
  readonly #known: KnownJobs
  readonly #events: WriterEvents

  constructor(parts: WriterParts, namespace: string, known: KnownJobs, events: WriterEvents) {
    this.#parts = parts
    this.#namespace = namespace
    this.#known = known
    this.#events = events
  }

  /** Answers every command of `batch`, which grows by what comes while it waits. */
  async carryOut(batch: Waiting[]): Promise<void> {
    try {
      await this.#carryOut(batch)
    } catch (error) {
      this.#known.forgetAll()
      reject(batch, error)
    } finally {
      this.#known.forgetMissing()
    }
  }

  async #carryOut(batch: Waiting[]): Promise<void> {
    const { store, makeId, counters } = this.#parts
    const known = this.#known
    const repeated: Waiting[] = []
    // Who saw another version than is known here has seen a newer one. And that a job is there already is told as the store
    // shows it: a store that lost it would not contradict.
    for (const { jobId, atVersion, command } of batch) {
      const version = known.get(jobId)?.version
      if (version === undefined) continue
      if (command.action === 'create' || (atVersion !== undefined && version !== atVersion)) known.forget(jobId)
    }
    let left: readonly Waiting[] = batch
    while (left.length > 0) {
      await this.#load(left)
      const plan = planOf(known.get, left, known.now())
      this.#settle(plan)
      const { accepted, refused } = plan
      left = [...accepted, ...refused.keys(), ...plan.later]
      if (left.length === 0) break
      const asked = accepted.length > 0 ? [] : [...new Set(left.flatMap((waiting) => jobsOf(waiting, known.get)))]
      const result = await store.append(this.#namespace, {
        commands: (accepted.length > 0 ? accepted : left).map(({ claim }) => claim),
        events: eventsOf(plan.events, makeId),
        states:
          accepted.length > 0
            ? Array.from(plan.writes, ([jobId, write]) => writeOf(jobId, write, known.get(jobId)?.version ?? 0))
            : asked.map(question),
        exempt: accepted.every(({ exempt }) => exempt),
      })
      if (result.outcome === 'stored') {
        this.#afterStored(result, plan)
        left = left.slice(accepted.length)
      } else if (result.outcome === 'conflict') {
        if (accepted.length > 0) counters.conflicts++
        left = await this.#afterConflict(result, plan, asked, left, batch)
      } else if (result.outcome === 'quota') {
        const tooMuch = left.filter(({ exempt }) => !exempt)
        for (const { jobId } of tooMuch) known.forget(jobId) // So that a withheld step does not try again at once.
        reject(tooMuch, overQuota(result.keptBytes, result.quotaBytes))
        left = left.filter(({ exempt }) => exempt)
      } else if (result.outcome === 'reused') {
        const wrong = left.filter(({ claim }) => claim.id === result.id)
        if (wrong.length === 0) throw new TidingsError('internal', `The id ${result.id} of an event exists already.`)
        reject(wrong, reused(result.id))
        left = left.filter((waiting) => !wrong.includes(waiting))
      } else if (result.outcome === 'forgotten') {
        throw new TidingsError('internal', 'The store calls commands forgotten that were not said to be old.')
      } else {
        const ids = new Set(result.ids)
        const done = left.filter(({ claim }) => ids.has(claim.id))
        for (const { jobId } of done) known.forget(jobId)
        repeated.push(...done)
        left = left.filter(({ claim }) => !ids.has(claim.id))
      }
    }
    if (repeated.length > 0) await this.#answerRepeated(repeated)
  }

  /** Reads what the commands look at and is not known; twice, because a job tells those above it. */
  async #load(commands: readonly Waiting[]): Promise<void> {
    for (;;) {
      const unknown = new Set<string>()
      let before: Waiting | null = null
      for (const waiting of commands) {
        if (waiting.jobId === before?.jobId && waiting.command.action !== 'create') continue
        before = waiting
        for (const id of jobsOf(waiting, this.#known.get)) if (!this.#known.has(id)) unknown.add(id)
      }
      if (unknown.size === 0) return
      await this.#known.load([...unknown])
    }
  }

  /** Answers what needs nothing of the store. */
  #settle(plan: Plan<Waiting>): void {
    for (const waiting of plan.missing) waiting.reject(notFound(waiting.jobId))
    this.#answer(plan.idle)
    this.#answer(plan.existing, undefined, true)
    if (plan.idle.length > 0) this.#events.settled(plan.idle.map(({ jobId }) => jobId))
  }

  #afterStored(result: AppendResult & { outcome: 'stored' }, plan: Plan<Waiting>): void {
    if (plan.accepted.length === 0)
      throw new TidingsError('internal', 'The store carried out an append that expects an impossible version.')
    const { counters, cascade } = this.#parts
    counters.writes++
    counters.commands += plan.accepted.length
    counters.events += plan.events.length
    for (const { type } of plan.events) if (type === jobEventTypes.progress) counters.progressEvents++
    const last = new Map<string, KnownJob>()
    for (const [jobId, write] of plan.writes) {
      const before = this.#known.get(jobId)
      const now = write && { state: write.state, version: (before?.version ?? 0) + 1, position: result.position }
      this.#known.wrote(jobId, now, result.timestamp)
      if (!now && before) last.set(jobId, before)
      if (now?.state.cascade) cascade(this.#namespace, jobId)
    }
    this.#events.stored()
    this.#events.settled(plan.writes.keys())
    for (const { command } of plan.accepted) if (command.action === 'update') counters.updates++
    this.#answer(plan.accepted, undefined, false, last)
  }

  async #afterConflict(
    result: AppendResult & { outcome: 'conflict' },
    plan: Plan<Waiting>,
    asked: readonly string[],
    left: readonly Waiting[],
    batch: Waiting[],
  ): Promise<readonly Waiting[]> {
    const jobIds = plan.accepted.length > 0 ? [...plan.writes.keys()] : asked
    let moved = false
    for (const [at, jobId] of jobIds.entries()) {
      const current = result.states[at]
      if (!current) throw new TidingsError('internal', 'The store reported a conflict without the current states.')
      const before = this.#known.get(jobId)?.version ?? 0
      moved = (this.#known.note(jobId, current)?.version ?? 0) !== before || moved
    }
    if (plan.accepted.length > 0) {
      const company = await this.#events.conflicted(left)
      batch.push(...company)
      return [...left, ...company]
    }
    if (moved) return left
    for (const [waiting, why] of plan.refused) {
      if (why instanceof TidingsError) waiting.reject(why)
      else this.#answer([waiting], why)
    }
    return []
  }

  /** The first answer of a repeated command was "accepted": only those are remembered. */
  async #answerRepeated(repeated: readonly Waiting[]): Promise<void> {
    await this.#known.load([...new Set(repeated.map(({ jobId }) => jobId))].filter((id) => !this.#known.has(id)))
    this.#answer(repeated, undefined, true)
  }

  /** All of a job get one and the same answer. `last`: jobs that are gone, as they were. */
  #answer(
    commands: readonly Waiting[],
    reason?: RefusalReason,
    existed = false,
    last?: ReadonlyMap<string, KnownJob>,
  ): void {
    const answers = new Map<string, Answer>()
    for (const waiting of commands) {
      const { jobId } = waiting
      let answer = answers.get(jobId)
      if (!answer) {
        const known = this.#known.get(jobId) ?? last?.get(jobId)
        if (!known) {
          waiting.reject(waiting.command.action === 'create' ? goneAgain(jobId) : notFound(jobId))
          continue
        }
        const { state, position } = known
        answer = {
          accepted: reason === undefined,
          ...(reason && { reason }),
          job: jobAt(state, position),
          ...(!isEnded(state.job.status) && { leaseMs: state.leaseMs }),
        }
        answers.set(jobId, answer)
      }
      waiting.resolve(existed && waiting.command.action === 'create' ? { ...answer, existed } : answer)
    }
  }
}

function reject(commands: readonly Waiting[], error: unknown): void {
  for (const waiting of commands) waiting.reject(error)
}

/**
 * Before a command is refused the store is asked whether it knows its id: what is sent again after a lost answer must get
 * its first answer, also when the job has ended since. No state is ever at this version, so nothing is done; the answer is
 * either `repeated` or a conflict that shows the current states.
 */
const question = (jobId: string): StateWrite => ({ topic: jobTopic(jobId), expect: Number.MAX_SAFE_INTEGER, value: '' })
