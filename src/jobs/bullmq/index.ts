import { Bridge } from './bridge.js'
import { jobIdOf } from './carrier.js'
import type { BullQueueEvents } from './queue.js'
import { type BullMQOptions, resolveBullMQ } from './settings.js'

export interface BullMQBridge {
  /** The id of the job that a BullMQ job is now: `job:<id>` is its topic. It exists once its owner is known to this node. */
  jobId(bullJobId: string): string
  /** Stops reading after what is under way, and closes the `queueEvents`. What follows is copied at the next start. */
  close(): Promise<void>
}

/**
 * Turns a queue's events into jobs, without changing the workers (J10). Runs, progress, log lines, retries, stalls, ends and
 * removals of a BullMQ job become those of a job of its owner. How far it has come is kept with the jobs, so a restart goes on
 * where the last process stopped, and several nodes may run it side by side; what the stream no longer has is taken from the
 * queue's jobs themselves.
 *
 * `queueEvents` must be made with `autorun: false`; the bridge reads and closes it. Resolves once it reads. Throws
 * `option_invalid` naming the option; rejects with what the store says.
 */
export async function fromBullMQ(queueEvents: BullQueueEvents, options: BullMQOptions): Promise<BullMQBridge> {
  const bridge = new Bridge(resolveBullMQ(queueEvents, options))
  await bridge.open()
  return { jobId: (bullJobId) => bridge.idOf(bullJobId), close: () => bridge.close() }
}

/** The id of the job that a BullMQ job becomes, for processes without the bridge. `prefix`: the queue's, default `bull`. */
export function bullMQJobId(queue: string, bullJobId: string, prefix = 'bull'): string {
  return jobIdOf(prefix, queue, bullJobId)
}

export { progressShown, type Shown } from './progress.js'
export type { BullJob, BullQueue, BullQueueEvents } from './queue.js'
export type { BullMQOptions } from './settings.js'
