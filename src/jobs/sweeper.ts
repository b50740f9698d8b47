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

/** Another node's sweep was faster. */
const isGone = (error: unknown): boolean => error instanceof TidingsError && error.code === 'not_found'

/**
 * Asks the store for deadlines that have passed and applies them: a running job fails with `stalled`, a queued one with
 * `expired`, an ended one is gone (J6, J8). Every node sweeps; compare-and-set lets each deadline count once.
 */
export class Sweeper {
  readonly #parts: SweeperParts
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
    const query = { limit: pageSize, pauseMs: 2 * sweepMs }
    for (let done = 1; done > 0 && !this.#stopped; ) {
      const due = await store.due(query)
      const passed = await Promise.allSettled(due.map((state) => this.#pass(state)))
      for (const each of passed) if (each.status === 'rejected' && !isGone(each.reason)) onError(each.reason)
      done = passed.filter(({ status }) => status === 'fulfilled').length
      if (due.length < pageSize) return
    }
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
