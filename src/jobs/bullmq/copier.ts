import type { Clock, Timer } from '../../clock.js'
import { TidingsError } from '../../errors.js'
import type { MakeId } from '../../ids.js'
import { isEnded } from '../../protocol/job.js'
import { jobTopic } from '../../protocol/topic.js'
import type { Store } from '../../store/store.js'
import { type JobEvent, flushWaitMs } from '../job.js'
import { overQuota } from '../refusals.js'
import { decodeState } from '../state.js'
import { eventsOf, writeOf } from '../writes.js'
import { type CopiedState, type Copy, reduceCopy } from './copied.js'

export interface CopierParts {
  readonly store: Store
  readonly namespace: string
  readonly clock: Clock
  readonly makeId: MakeId
  readonly onError: (error: unknown) => void
}

/** Writes copies into jobs: all that is given at once in one append, under compare-and-set with whoever else writes. */
export class Copier {
  readonly #parts: CopierParts
  /** What the throttle of a job withholds leaves when it may (J5). */
  readonly #flushes = new Map<string, Timer>()
  #closed = false

  constructor(parts: CopierParts) {
    this.#parts = parts
  }

  /** The job as it is kept; null where there is none. */
  async read(jobId: string): Promise<CopiedState | null> {
    const { state } = await this.#parts.store.state(this.#parts.namespace, jobTopic(jobId))
    return state && decodeState(state.value)
  }

  /** The job as it is afterwards; null where there is none. Rejects with `quota` or the store's failure. */
  async apply(jobId: string, copies: readonly Copy[]): Promise<CopiedState | null> {
    const { store, namespace, makeId } = this.#parts
    for (;;) {
      const { state: kept, timestamp } = await store.state(namespace, jobTopic(jobId))
      if (!kept) return null
      let state: CopiedState = decodeState(kept.value)
      let last: ReturnType<typeof reduceCopy> = null
      const events: JobEvent[] = []
      for (const copy of copies) {
        const step = reduceCopy(state, copy, timestamp)
        if (!step) continue
        state = step.state
        last = step
        events.push(...step.events)
      }
      if (!last) return state
      const result = await store.append(namespace, {
        events: eventsOf(
          events.map((event) => ({ ...event, jobId, owner: state.job.owner })),
          makeId,
        ),
        states: [writeOf(jobId, { state, deadline: last.deadline }, kept.version)],
        // A namespace that is full must not take the lives of its healthy jobs.
        exempt: isEnded(state.job.status) || copies.every(({ say }) => say.what === 'renew'),
      })
      if (result.outcome === 'quota') throw overQuota(result.keptBytes, result.quotaBytes)
      if (result.outcome === 'conflict') continue
      if (result.outcome !== 'stored')
        throw new TidingsError('internal', `The store answered "${result.outcome}" to a copy.`)
      this.#armFlush(jobId, state, result.timestamp)
      return state
    }
  }

  close(): void {
    this.#closed = true
    for (const timer of this.#flushes.values()) timer.cancel()
    this.#flushes.clear()
  }

  #armFlush(jobId: string, state: CopiedState, now: number): void {
    this.#flushes.get(jobId)?.cancel()
    this.#flushes.delete(jobId)
    const dueMs = isEnded(state.job.status) ? null : flushWaitMs(state, now)
    if (dueMs === null || this.#closed) return
    const flush = (): void => {
      this.#flushes.delete(jobId)
      this.apply(jobId, [{ say: { what: 'flush' } }]).catch((error) => this.#parts.onError(error))
    }
    this.#flushes.set(jobId, this.#parts.clock.setTimer(flush, dueMs))
  }
}
