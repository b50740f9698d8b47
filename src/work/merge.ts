import type { Counters, JobAction, JobUpdate } from '../protocol/job.js'
import { jobLimits } from '../protocol/job-input.js'

/** Half of what a request may have: lines and events have limits of their own, but together they could pass it. */
const mergedBytes = 512 * 1024
/** Each may be 64 KiB, and a request has 1 MiB. */
const mergedEvents = 10
const encoder = new TextEncoder()

/** One update that does what both did, or null where it would be too large for one command. `bytes` as {@link bytesOf} both. */
export function merge(first: JobUpdate, second: JobUpdate, bytes: number): JobUpdate | null {
  if (bytes > mergedBytes && (second.log || second.publish)) return null
  const increment = second.increment ? sum(first.increment ?? {}, second.increment) : first.increment
  const log = second.log ? [...(first.log ?? []), ...second.log] : first.log
  const publish = second.publish ? [...(first.publish ?? []), ...second.publish] : first.publish
  if (increment === null || (log?.length ?? 0) > jobLimits.lines || (publish?.length ?? 0) > mergedEvents) return null
  return {
    ...(increment && { increment }),
    ...((first.set || second.set) && { set: { ...first.set, ...second.set } }),
    ...(log && { log }),
    ...(publish && { publish }),
  }
}

/** Of what grows when updates are merged: lines and events. Counters have at most 64 names, and values replace each other. */
export function bytesOf(action: JobAction): number {
  if (action.action !== 'update') return 0
  const { log, publish } = action
  return log || publish ? encoder.encode(JSON.stringify([log, publish])).length : 0
}

function sum(first: Counters, second: Counters): Counters | null {
  const total: Record<string, number> = {}
  for (const counters of [first, second]) {
    for (const [name, by = 0] of Object.entries(counters)) {
      const next = (Object.hasOwn(total, name) ? (total[name] ?? 0) : 0) + by
      if (!Number.isSafeInteger(next)) return null
      total[name] = next
    }
  }
  return Object.keys(total).length > jobLimits.counters ? null : total
}
