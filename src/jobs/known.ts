import type { Clock } from '../clock.js'
import type { Position } from '../protocol/cursor.js'
import { jobTopic } from '../protocol/topic.js'
import type { StateRead, Store } from '../store/store.js'
import { type JobState, decodeState } from './state.js'
import { StoreTime } from './store-time.js'

/** A job as the store last showed it to this process. */
export interface KnownJob {
  readonly state: JobState
  readonly version: number
  readonly position: Position
}

/**
 * What this process knows of the jobs of one group. It may be old: compare-and-set finds that out. That a job is not there
 * is remembered only until {@link forgetMissing}, because nothing would find that out.
 */
export class KnownJobs {
  readonly #store: Store
  readonly #namespace: string
  readonly #time: StoreTime
  readonly #jobs = new Map<string, { known: KnownJob; usedIn: number }>()
  readonly #missing = new Set<string>()
  #round = 0

  constructor(store: Store, clock: Clock, namespace: string) {
    this.#store = store
    this.#namespace = namespace
    this.#time = new StoreTime(clock)
  }

  /** The store's clock, by the last stamp that it gave for this namespace. */
  now(): number {
    return this.#time.now()
  }

  has(jobId: string): boolean {
    return this.#jobs.has(jobId) || this.#missing.has(jobId)
  }

  readonly get = (jobId: string): KnownJob | null => {
    const entry = this.#jobs.get(jobId)
    if (!entry) return null
    entry.usedIn = this.#round
    return entry.known
  }

  /** Reads those that are not known. */
  async load(jobIds: readonly string[]): Promise<void> {
    await Promise.all(
      jobIds.map(async (jobId) => {
        this.note(jobId, await this.#store.state(this.#namespace, jobTopic(jobId)))
      }),
    )
  }

  note(jobId: string, { state, upTo, timestamp }: StateRead): KnownJob | null {
    const known = state && { state: decodeState(state.value), version: state.version, position: upTo }
    this.wrote(jobId, known, timestamp)
    if (!known) this.#missing.add(jobId)
    return known
  }

  /** As it is now, by an append of this process. */
  wrote(jobId: string, known: KnownJob | null, timestamp: number): void {
    this.#time.note(timestamp)
    this.#missing.delete(jobId)
    if (known) this.#jobs.set(jobId, { known, usedIn: this.#round })
    else this.#jobs.delete(jobId)
  }

  forget(jobId: string): void {
    this.#jobs.delete(jobId)
    this.#missing.delete(jobId)
  }

  /** Those that nobody has asked for since the last call. */
  forgetUnused(): void {
    for (const [jobId, { usedIn }] of this.#jobs) if (usedIn < this.#round) this.#jobs.delete(jobId)
    this.#round++
  }

  forgetMissing(): void {
    if (this.#missing.size > 0) this.#missing.clear()
  }

  forgetAll(): void {
    this.#jobs.clear()
    this.#missing.clear()
  }
}
