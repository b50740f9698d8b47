import { TidingsError } from '../errors.js'
import type { MakeId } from '../ids.js'
import { isEnded } from '../protocol/job.js'
import { jobTopic, jobsTopic } from '../protocol/topic.js'
import type { Store } from '../store/store.js'
import type { Lanes } from './lanes.js'
import { decodeState } from './state.js'
import { claimOf } from './writes.js'

export interface CascadeParts {
  readonly store: Store
  readonly makeId: MakeId
  readonly lanes: Lanes
  readonly onError: (error: unknown) => void
}

const pageSize = 500

/**
 * Cancels what is below a cancelled job (J9). Descendants are younger than it, so the owner's list, newest first, is read
 * down to the job itself. Where this process dies half-way the job's deadline brings another to it.
 */
export class Cascade {
  readonly #parts: CascadeParts
  readonly #running = new Map<string, Promise<void>>()

  constructor(parts: CascadeParts) {
    this.#parts = parts
  }

  /** For nobody who waits: a failure is reported, and the next sweep tries again. */
  run(namespace: string, jobId: string): void {
    this.finish(namespace, jobId).catch(this.#parts.onError)
  }

  /** Resolves when all is cancelled. Rejects with the store's failure. */
  finish(namespace: string, jobId: string): Promise<void> {
    const key = JSON.stringify([namespace, jobId])
    const running =
      this.#running.get(key) ?? this.#cancelBelow(namespace, jobId).finally(() => void this.#running.delete(key))
    this.#running.set(key, running)
    return running
  }

  async idle(): Promise<void> {
    await Promise.allSettled(this.#running.values())
  }

  async #cancelBelow(namespace: string, jobId: string): Promise<void> {
    const { store, makeId, lanes } = this.#parts
    const topic = jobTopic(jobId)
    const send = async (id: string, action: 'cancel' | 'cascaded'): Promise<void> => {
      try {
        await lanes.send(namespace, { jobId: id, command: { action } }, claimOf(id, makeId(), { action }))
      } catch (error) {
        // Somebody has taken it away meanwhile.
        if (!(error instanceof TidingsError) || error.code !== 'not_found') throw error
      }
    }
    const { state } = await store.state(namespace, topic)
    if (!state) return
    const group = jobsTopic(decodeState(state.value).job.owner)
    let after: string | undefined
    do {
      const page = await store.states(namespace, { group, limit: pageSize, ...(after !== undefined && { after }) })
      const below = page.states.map(({ value }) => decodeState(value)).filter((each) => each.ancestors.includes(jobId))
      await Promise.all(below.filter(({ job }) => !isEnded(job.status)).map(({ job: { id } }) => send(id, 'cancel')))
      after = page.states.some((each) => each.topic === topic) ? undefined : page.next
    } while (after !== undefined)
    await send(jobId, 'cascaded')
  }
}
