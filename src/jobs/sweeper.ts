import type { Clock, Timer } from '../clock.js'
import { TidingsError } from '../errors.js'
import type { MakeId } from '../ids.js'
import { jobIdOf } from '../protocol/topic.js'
import type { DueState, Store } from '../store/store.js'
import type { Lanes } from './lanes.js'
import { claimOf } from './writes.js'

export interface SweeperParts {
  readonly store: Store
  readonly clock: Clock
  readonly makeId: MakeId
  readonly lanes: Lanes
  readonly onError: (error: unknown) => void
  readonly sweepMs: number
}

const pageSize = 200
/** Each makes every page one longer, and what is behind more than these waits. */
const mostStuck = 1_000

const keyOf = ({ namespace, topic, version }: DueState): string => JSON.stringify([namespace, topic, version])

/** Another node's sweep was faster. */
const isGone = (error: unknown): boolean => error instanceof TidingsError && error.code === 'not_found'

const isUnreadable = (error: unknown): boolean =>
  error instanceof SyntaxError ||
  (error instanceof TidingsError && (error.code === 'store_newer' || error.code === 'store_corrupt'))

/**
 * Asks the store for deadlines that have passed and applies them: a running job fails with `stalled`, a queued one with
 * `expired`, an ended one is gone (J6, J8). Every node sweeps; compare-and-set lets each deadline count once.
 */
export class Sweeper {
  readonly #parts: SweeperParts
  /** Overdue states that cannot be read, of a newer version for example; by what they are, so that a write frees them. */
  readonly #stuck = new Set<string>()
  #timer: Timer | null = null
  #sweeping: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(parts: SweeperParts) {
    this.#parts = parts
  }

  /** `also` runs with each sweep. */
  start(also: () => void): void {
    if (this.#timer || this.#stopped) return
    const again = (): void => {
      this.#timer = this.#parts.clock.setTimer(() => {
        also()
        this.#sweeping = this.sweep()
          .catch((error) => this.#parts.onError(error))
          .then(() => {
            if (!this.#stopped) again()
          })
      }, this.#parts.sweepMs)
    }
    again()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    await this.#sweeping
  }

  async sweep(): Promise<void> {
    const { store, sweepMs, onError } = this.#parts
    // Two missed sweeps are a pause. It must be well below the slack of a lease (two thirds of it): a hub that was away for
    // longer than that slack, but not for a pause, would take the lives of jobs whose workers could not reach it.
    const pauseMs = 2 * sweepMs
    for (let moved = true; moved && !this.#stopped; ) {
      const limit = pageSize + this.#stuck.size
      const due = await store.due({ limit, pauseMs })
      const asked = due.filter((state) => !this.#stuck.has(keyOf(state)))
      const passed = await Promise.allSettled(asked.map((state) => this.#pass(state)))
      moved = false
      for (const [at, each] of passed.entries()) {
        if (each.status === 'fulfilled') moved = true
        else if (!isGone(each.reason)) {
          onError(each.reason)
          moved = this.#leave(asked[at] as DueState, each.reason) || moved
        }
      }
      if (due.length < limit) return this.#forgetAllBut(due)
    }
  }

  /** Whether the next page reaches further for it: it will fail as now until somebody else writes it. */
  #leave(state: DueState, reason: unknown): boolean {
    if (this.#stopped || this.#stuck.size >= mostStuck) return false
    if (!isUnreadable(reason)) return false
    this.#stuck.add(keyOf(state))
    return true
  }

  #forgetAllBut(due: readonly DueState[]): void {
    if (this.#stuck.size === 0) return
    const kept = new Set(due.map(keyOf))
    for (const key of this.#stuck) if (!kept.has(key)) this.#stuck.delete(key)
  }

  async #pass({ namespace, topic, version }: DueState): Promise<void> {
    const { lanes, makeId } = this.#parts
    const jobId = jobIdOf(topic)
    if (jobId === null) return
    // At this version only: where it has moved, somebody renewed or ended it in time, and there is nothing to do.
    const item = { jobId, command: { action: 'deadline' }, atVersion: version } as const
    await lanes.send(namespace, item, claimOf(jobId, makeId(), 'deadline'))
  }
}
