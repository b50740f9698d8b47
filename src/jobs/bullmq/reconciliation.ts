import type { Carrier } from './carrier.js'
import { inParallel } from './parallel.js'
import { readEntries } from './queue.js'
import type { BullMQSettings } from './settings.js'

const unfinished = ['active', 'waiting', 'paused', 'delayed', 'prioritized', 'waiting-children']
const pageSize = 1_000
/** Workers stamp ends with clocks of their own. */
const clockSlackMs = 5 * 60_000

/**
 * Takes from the queue's jobs themselves what its stream has lost, or never had: all that are unfinished, those that ended
 * since, and those that have gone. What a job went through meanwhile is lost with the stream; where it stands is not.
 */
export class Reconciliation {
  readonly #settings: BullMQSettings
  readonly #carrier: Carrier
  readonly #signal: AbortSignal

  constructor(settings: BullMQSettings, carrier: Carrier, signal: AbortSignal) {
    this.#settings = settings
    this.#carrier = carrier
    this.#signal = signal
  }

  /**
   * `sinceMs`: of the last entry that was copied before the stream was trimmed; 0: there was none. `position`: until where it
   * has been copied now. `told`: jobs of which it told something on the way: those need no more.
   */
  async run(sinceMs: number, position: string, told: Iterable<string>): Promise<void> {
    const { core, ttlMs } = this.#settings
    const oldestMs = Math.max(sinceMs - clockSlackMs, core.clock.now() - ttlMs)
    const seen = new Set(told)
    const settle = async (bullId: string): Promise<void> => {
      if (this.#signal.aborted || seen.has(bullId)) return
      seen.add(bullId)
      await this.#carrier.settle(bullId)
    }
    const settleAll = async (ids: readonly string[]): Promise<void> => {
      // What has happened since comes with its entries, in order and whole.
      for (const { jobId } of await readEntries(this.#settings.events, position, 1)) if (jobId !== null) seen.add(jobId)
      await inParallel(ids, settle)
    }
    for (const state of unfinished) await this.#pages(state, true, settleAll)
    for (const state of ['completed', 'failed']) {
      await this.#pages(state, false, async (ids) => {
        await settleAll(ids)
        const last = await this.#settings.queue.getJob(ids.at(-1) as string)
        return last?.finishedOn !== undefined && last.finishedOn < oldestMs
      })
    }
    await settleAll([...this.#carrier.open.keys()])
  }

  /** Until `take` says that it is enough. Ended jobs come newest first. */
  async #pages(
    state: string,
    ascending: boolean,
    take: (ids: readonly string[]) => Promise<boolean | void>,
  ): Promise<void> {
    for (let start = 0; !this.#signal.aborted; start += pageSize) {
      const ids = await this.#settings.queue.getRanges([state], start, start + pageSize - 1, ascending)
      if (ids.length > 0 && (await take(ids))) return
      if (ids.length < pageSize) return
    }
  }
}
