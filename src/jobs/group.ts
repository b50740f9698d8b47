import { isEnded, jobEventTypes } from '../protocol/job.js'
import { jobLimits } from '../protocol/job-input.js'
import { type JobEvent, type Step, event, publish } from './job.js'
import { type Children, type Numbers, counterOf, percentOf, totalOf } from './progress.js'
import { type JobState, type Share, changed, started } from './state.js'

/** How a job changes the sum of the one above it (J9). */
export interface Change {
  /** What was counted of it until now, and what is to be counted instead. */
  readonly from: Share
  readonly to: Share
  /** Children more or fewer, and open jobs more or fewer, at or below it. */
  readonly made: number
  readonly open: number
  /** It is running, so those above it are too. */
  readonly starts: boolean
}

export const nothing: Share = { counters: {}, total: 0 }

export const shareOf = ({ job }: JobState): Share => ({ counters: job.counters, total: job.total ?? 0 })

const none: Children = { made: 0, open: 0, counters: {}, total: 0 }

/**
 * The parent with `change` counted, and what is counted of the child from now on: less than `change.to` only where a sum
 * would no longer be exact, or the parent would have more counters than a job may. Null: nothing changes.
 */
export function count(
  parent: JobState,
  change: Change,
  now: number,
): { readonly step: Step; readonly counted: Share } | null {
  const before = parent.children ?? none
  const { counters, sums, counted, differ } = sum(parent.job.counters, before.counters, change)
  const total = before.total + change.to.total - change.from.total
  const fits = Number.isSafeInteger(total)
  const starts = change.starts && parent.job.status === 'queued'
  const moved = fits && change.to.total !== change.from.total
  if (!differ && !moved && !starts && change.made === 0 && change.open === 0) return null
  const children: Children = {
    made: before.made + change.made,
    open: before.open + change.open,
    counters: sums,
    total: fits ? total : before.total,
  }
  const events: JobEvent[] = []
  let job = starts ? started(parent.job, now) : parent.job
  if (starts) events.push(event(jobEventTypes.started, job))
  const grown = totalOf(parent.setTotal, counters, children)
  const percent = percentOf(counters, grown, job.percent)
  const visible = differ || grown !== job.total || percent !== job.percent
  if (visible) job = changed(job, { counters, total: grown, percent })
  // What happens below is a sign of life here.
  const next: JobState = { ...parent, job, children, leasedAt: now, withheld: (parent.withheld && !starts) || visible }
  return {
    step: publish(next, events, [], now),
    counted: { counters: counted, total: fits ? change.to.total : change.from.total },
  }
}

function sum(
  counters: Numbers,
  sums: Numbers,
  { from, to }: Change,
): { counters: Numbers; sums: Numbers; counted: Numbers; differ: boolean } {
  const next: Record<string, number> = { ...counters }
  const added: Record<string, number> = { ...sums }
  const counted: Record<string, number> = {}
  let names = Object.keys(next).length
  let differ = false
  for (const name of new Set([...Object.keys(from.counters), ...Object.keys(to.counters)])) {
    const was = counterOf(from.counters, name)
    const is = counterOf(to.counters, name)
    const isNew = !Object.hasOwn(next, name)
    const total = counterOf(next, name) + (is - was)
    if (!Number.isSafeInteger(total) || (isNew && names === jobLimits.counters)) {
      if (was > 0) counted[name] = was
      continue
    }
    if (isNew) names++
    differ ||= isNew || total !== next[name]
    next[name] = total
    added[name] = counterOf(added, name) + (is - was)
    counted[name] = is
  }
  return { counters: next, sums: added, counted, differ }
}

/** A job that has ended sums no more. */
export const sums = (state: JobState | null): state is JobState => state !== null && !isEnded(state.job.status)
