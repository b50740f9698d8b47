import { type Clock, type Timer, wait } from '../clock.js'
import { TidingsError } from '../errors.js'
import { isEnded } from '../protocol/job.js'
import { jobLimits } from '../protocol/job-input.js'
import type { Random } from '../random.js'
import type { Claim, StateRead } from '../store/store.js'
import { Crowd } from './crowd.js'
import { flushWaitMs } from './job.js'
import { KnownJobs } from './known.js'
import type { Item } from './plan.js'
import { reused } from './refusals.js'
import { type Answer, Waiting } from './waiting.js'
import { Writer, type WriterParts } from './writer.js'
import { claimOf } from './writes.js'

export interface LaneParts extends WriterParts {
  readonly clock: Clock
  readonly random: Random
  readonly onError: (error: unknown) => void
}

/** `characters`: of what commands bring; one that is larger by itself goes alone. */
const largestBatch = { commands: 500, jobs: 100, characters: 1024 * 1024 } as const

/**
 * The commands that this process has for one job and all in its group. They queue up, are applied one after another over the
 * pending states, and leave as one append: two children that publish at once would both write their parent, and one of them
 * in vain. Where other processes write the same jobs, commands gather before they are written ({@link Crowd}): 50 writers
 * without it cost 44 conflicts an accepted write.
 */
export class Lane {
  readonly #parts: LaneParts
  readonly #known: KnownJobs
  readonly #writer: Writer
  readonly #queue: Waiting[] = []
  /** By claim: the same command sent twice at once is one command. */
  readonly #waiting = new Map<string, Waiting>()
  /** By job: when what its throttle withholds may leave; null once this process is going. */
  readonly #flushes = new Map<string, Timer | null>()
  readonly #crowd = new Crowd()
  #running: Promise<void> | null = null
  #gathering: AbortController | null = null
  #closed = false
  /** Not while a write is on its way. */
  #tidy = false

  constructor(parts: LaneParts, namespace: string) {
    this.#parts = parts
    this.#known = new KnownJobs(parts.store, parts.clock, namespace)
    this.#writer = new Writer(parts, namespace, this.#known, {
      stored: () => this.#crowd.stored(parts.clock.monotonic()),
      conflicted: async (left) => {
        this.#crowd.conflicted(parts.clock.monotonic())
        const pauseMs = this.#crowd.pauseAfterConflictMs(parts.random.fraction())
        if (pauseMs === 0) return []
        await this.#gather(pauseMs)
        this.#known.forgetAll()
        return this.#take(left)
      },
      settled: (jobIds) => {
        for (const jobId of jobIds) this.#armFlush(jobId)
      },
    })
  }

  /** Whether nothing is under way; what is known of jobs is no reason to keep a lane. */
  get idle(): boolean {
    return !this.#running && this.#flushes.size === 0
  }

  /** Jobs that nobody has asked for since the last call are forgotten: what is known of them is only worth a read. */
  forgetUnused(): void {
    if (this.#running) this.#tidy = true
    else this.#known.forgetUnused()
  }

  /** What a read of the job has just shown, to spare the next. */
  note(jobId: string, read: StateRead): void {
    if (!this.#running) this.#known.note(jobId, read)
  }

  /** Rejects with `not_found`, `id_reused`, `job_invalid`, `quota`, or what the store says. */
  send(item: Item, claim: Claim): Promise<Answer> {
    if (this.#closed) return Promise.reject(new TidingsError('closed', 'The hub is closed.'))
    const same = this.#waiting.get(claim.id)
    if (same) {
      if (same.claim.digest !== claim.digest) return Promise.reject(reused(claim.id))
      return item.command.action === 'create'
        ? same.answered.then((answer) => ({ ...answer, existed: true }))
        : same.answered
    }
    return this.#enqueue(item, claim)
  }

  /** Answers what is under way. What is withheld leaves too: nobody here will wait for its time. */
  async close(): Promise<void> {
    this.#closed = true
    for (const timer of this.#flushes.values()) timer?.cancel()
    this.#gathering?.abort()
    await this.#running
    // What leaves of a job may be withheld of the one above it: the deepest first, and again for those it brings.
    const depth = (jobId: string): number => this.#known.get(jobId)?.state.ancestors.length ?? 0
    for (let level = 0; level < jobLimits.levels && this.#flushes.size > 0; level++) {
      const owed = [...this.#flushes.keys()].sort((one, other) => depth(other) - depth(one))
      this.#flushes.clear()
      await Promise.all(owed.map((jobId) => this.#flush(jobId, true)))
      await this.#running
    }
  }

  #enqueue(item: Item, claim: Claim): Promise<Answer> {
    const waiting = new Waiting(item, claim, this.#waiting)
    this.#queue.push(waiting)
    if (waiting.urgent) this.#gathering?.abort()
    this.#running ??= this.#run()
    return waiting.answered
  }

  async #run(): Promise<void> {
    await null // What is sent in one go leaves in one append.
    while (this.#queue.length > 0) {
      const { clock, random } = this.#parts
      await this.#gather(this.#crowd.pauseMs(clock.monotonic(), random.fraction(), this.#isUrgent(this.#queue)))
      if (!this.#crowd.isAlone(clock.monotonic())) this.#known.forgetAll()
      if (this.#tidy) this.#known.forgetUnused()
      this.#tidy = false
      await this.#writer.carryOut(this.#take([]))
    }
    this.#running = null
  }

  /** Waits for company, until something urgent comes. */
  async #gather(pauseMs: number): Promise<void> {
    if (pauseMs === 0 || this.#closed) return
    this.#gathering = new AbortController()
    await wait(this.#parts.clock, pauseMs, this.#gathering.signal)
    this.#gathering = null
  }

  #isUrgent(commands: readonly Waiting[]): boolean {
    return commands.some(({ urgent }) => urgent) || this.#queue.some(({ urgent }) => urgent)
  }

  /** The next commands of the queue, as many as one append may carry beside those of `already`. */
  #take(already: readonly Waiting[]): Waiting[] {
    const jobIds = new Set(already.map(({ jobId }) => jobId))
    let taken = 0
    let size = already.reduce((sum, waiting) => sum + waiting.size, 0)
    for (const waiting of this.#queue) {
      if (already.length + taken >= largestBatch.commands) break
      if (jobIds.add(waiting.jobId).size > largestBatch.jobs) break
      size += waiting.size
      if (size > largestBatch.characters && already.length + taken > 0) break
      taken++
    }
    return this.#queue.splice(0, taken)
  }

  /** The trailing edge of the throttle (J5), by whoever wrote the job last. Where that process dies the next renewal does it. */
  #armFlush(jobId: string): void {
    const known = this.#known.get(jobId)
    const state = known && !isEnded(known.state.job.status) ? known.state : null
    const dueMs = state && flushWaitMs(state, this.#known.now())
    const armed = this.#flushes.get(jobId)
    if (dueMs === null) {
      armed?.cancel()
      this.#flushes.delete(jobId)
    } else if (this.#closed) {
      this.#flushes.set(jobId, null)
    } else if (!armed) {
      const timer = this.#parts.clock.setTimer(() => {
        this.#flushes.delete(jobId)
        void this.#flush(jobId, false)
      }, dueMs)
      this.#flushes.set(jobId, timer)
    }
  }

  async #flush(jobId: string, last: boolean): Promise<void> {
    const { makeId, onError } = this.#parts
    await this.#enqueue({ jobId, command: { action: 'flush', last } }, claimOf(jobId, makeId(), 'flush')).catch(onError)
  }
}
