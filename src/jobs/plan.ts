import type { TidingsError } from '../errors.js'
import type { RefusalReason } from '../protocol/job.js'
import type { KnownJob } from './known.js'
import { Tree, type TreeCommand, type TreeEvent, type Write } from './tree.js'

/** A command, and the job that it is for. */
export interface Item {
  readonly jobId: string
  readonly command: TreeCommand
  /** Only where the job is at this version of the store: the sweep means the very state that it saw. */
  readonly atVersion?: number | undefined
}

/** What one append would carry out of a list of commands, applied one after another. */
export interface Plan<Each> {
  readonly accepted: readonly Each[]
  readonly refused: ReadonlyMap<Each, RefusalReason | TidingsError>
  /** Nothing to store for these. */
  readonly idle: readonly Each[]
  readonly missing: readonly Each[]
  /** Jobs to create that are there already. */
  readonly existing: readonly Each[]
  /** To be planned again after this append. */
  readonly later: readonly Each[]
  readonly events: readonly TreeEvent[]
  readonly writes: ReadonlyMap<string, Write>
}

/** `known` has every job that the items and their groups name; null: there is none. */
export function planOf<Each extends Item>(
  known: (jobId: string) => KnownJob | null,
  items: readonly Each[],
  now: number,
): Plan<Each> {
  const tree = new Tree((jobId) => known(jobId)?.state ?? null, now)
  const accepted: Each[] = []
  const refused = new Map<Each, RefusalReason | TidingsError>()
  const idle: Each[] = []
  const missing: Each[] = []
  const existing: Each[] = []
  const later: Each[] = []
  for (const item of items) {
    const { jobId, command, atVersion } = item
    if (atVersion !== undefined && (tree.writes.has(jobId) || known(jobId)?.version !== atVersion)) {
      idle.push(item)
      continue
    }
    const verdict = tree.apply(jobId, command)
    if (verdict === 'done') accepted.push(item)
    else if (verdict === 'missing') missing.push(item)
    else if (verdict === 'exists') existing.push(item)
    else if (verdict === 'later') later.push(item)
    else if (typeof verdict === 'object') refused.set(item, verdict.refused)
    else idle.push(item)
  }
  return { accepted, refused, idle, missing, existing, later, events: tree.events, writes: tree.writes }
}

/** The jobs that a command looks at, as far as what is known already tells; asked again once those are known. */
export function jobsOf({ jobId, command }: Item, known: (jobId: string) => KnownJob | null): string[] {
  if (command.action !== 'create') return [jobId, ...(known(jobId)?.state.ancestors ?? [])]
  const { parent, retryOf } = command.given
  return [
    jobId,
    ...(parent === undefined ? [] : [parent, ...(known(parent)?.state.ancestors ?? [])]),
    ...(retryOf === undefined ? [] : [retryOf]),
  ]
}
