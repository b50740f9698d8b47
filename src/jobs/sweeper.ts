import type { Clock, Timer } from '../clock.js'
import type { MakeId } from '../ids.js'
import { jobIdOf } from '../protocol/topic.js'
import type { DueState, Store } from '../store/store.js'
import { reduce } from './job.js'
import { decodeState } from './state.js'
import { StoreTime } from './store-time.js'
import { claimOf, eventsOf, writeOf } from './writes.js'

export interface SweeperParts {
  readonly store: Store
  readonly clock: Clock
  readonly makeId: MakeId
  readonly onError: (error: unknown) => void
  readonly sweepMs: number
}

const pageSize = 200

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
      done = 0
      for (const state of due) {
        try {
          await this.#pass(state)
          done++
        } catch (error) {
          onError(error)
        }
      }
      if (due.length < pageSize) return
    }
  }

  async #pass(due: DueState): Promise<void> {
    const { store, clock, makeId } = this.#parts
    const jobId = jobIdOf(due.topic)
    if (jobId === null) return
    const time = new StoreTime(clock)
    time.note((await store.state(due.namespace, due.topic)).timestamp)
    const reduced = reduce(decodeState(due.value), { action: 'deadline' }, time.now())
    const commands = [claimOf(jobId, makeId(), 'deadline')]
    if (reduced.outcome === 'gone') {
      const states = [{ topic: due.topic, expect: due.version, value: null }]
      await store.append(due.namespace, { commands, events: [], states, exempt: true })
    } else if (reduced.outcome === 'next') {
      const events = eventsOf(reduced.state, reduced.events, makeId)
      const states = [writeOf(reduced.state, due.version, reduced.deadline)]
      // A conflict means that somebody renewed or ended it in time: nothing to do.
      await store.append(due.namespace, { commands, events, states, exempt: true })
    }
  }
}
