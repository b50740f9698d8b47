import { TidingsError } from '../errors.js'
import type { RefusalReason } from '../protocol/job.js'
import { type Command, type JobEvent, reduce, type Step } from './job.js'
import type { JobState } from './state.js'

/** What one append would carry out of a list of commands, reduced one after another. */
export interface Plan<Item> {
  readonly accepted: readonly Item[]
  readonly refused: ReadonlyMap<Item, RefusalReason | TidingsError>
  /** Nothing to store for these. */
  readonly idle: readonly Item[]
  readonly events: readonly JobEvent[]
  /** The state to write; null where nothing was accepted. */
  readonly last: Step | null
}

export function planOf<Item extends { readonly command: Command }>(
  start: JobState,
  items: readonly Item[],
  now: number,
): Plan<Item> {
  const accepted: Item[] = []
  const idle: Item[] = []
  const refused = new Map<Item, RefusalReason | TidingsError>()
  const events: JobEvent[] = []
  let last: Step | null = null
  for (const item of items) {
    const reduced = reduce(last?.state ?? start, item.command, now)
    switch (reduced.outcome) {
      case 'next':
        last = reduced
        accepted.push(item)
        events.push(...reduced.events)
        break
      case 'refused':
        refused.set(item, reduced.reason)
        break
      case 'invalid':
        refused.set(item, overflow(reduced.field))
        break
      default:
        idle.push(item)
    }
  }
  return { accepted, refused, idle, events, last }
}

const overflow = (field: string): TidingsError =>
  new TidingsError(
    'job_invalid',
    `"${field}" would make a counter larger than 2^53 − 1, or there are too many counters.`,
    {
      field,
    },
  )
