import type { Job } from '../protocol/job.js'

/** The numbers of a job (J4, J9). */
export type Numbers = Job['counters']

/** What the children of a job add to it (J9). Their ids are not here, so that a thousand of them cost no more than one. */
export interface Children {
  /** How many were made and not taken away. */
  readonly made: number
  /** Jobs below this one, at any depth, that have not ended: while there are some it does not stall. */
  readonly open: number
  readonly counters: Numbers
  readonly total: number
}

/** `hasOwn`: a counter may be called `constructor`. */
export const counterOf = (counters: Numbers, name: string): number =>
  Object.hasOwn(counters, name) ? (counters[name] ?? 0) : 0

/**
 * The larger of what was set and what is known to be there: `discovered` of its own and the totals of its children; null
 * while neither is known (J4, J9).
 */
export function totalOf(set: number | null, counters: Numbers, children?: Children): number | null {
  const discovered = counterOf(counters, 'discovered')
  const known = children ? discovered - counterOf(children.counters, 'discovered') + children.total : discovered
  return set === null && known === 0 ? null : Math.max(set ?? 0, known)
}

/** The largest value so far, so that a total that grows does not move a bar back (J4). */
export function percentOf(counters: Numbers, total: number | null, before: number | null): number | null {
  if (total === null) return before
  if (total === 0) return before ?? 0
  const done = percentDone(
    counterOf(counters, 'processed'),
    counterOf(counters, 'failed'),
    counterOf(counters, 'skipped'),
    total,
  )
  return Math.max(before ?? 0, Math.min(100, done))
}

/** Up to here the sum of three, a hundred times, is exact as a number, and no quotient is rounded up to a whole one. */
const exact = Number.MAX_SAFE_INTEGER / 400

function percentDone(processed: number, failed: number, skipped: number, total: number): number {
  if (processed < exact && failed < exact && skipped < exact)
    return Math.floor((100 * (processed + failed + skipped)) / total)
  const percent = ((BigInt(processed) + BigInt(failed) + BigInt(skipped)) * 100n) / BigInt(total)
  return percent > 100n ? 100 : Number(percent)
}
