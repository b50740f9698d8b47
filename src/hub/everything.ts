import type { GapReason } from '../protocol/control.js'
import type { Position } from '../protocol/cursor.js'
import type { ReadResult, Store } from '../store/store.js'
import { NamedEvent, type Ring } from './ring.js'
import type { Start } from './start.js'

/** What an administrator names to read every event of a namespace (spec §4). No topic is called so. */
export const everyTopic = '*'

/** Such a reader has no topics that a store could be asked for: the node tells it what it holds in memory. */
export const readsEverything = (topics: readonly string[]): boolean => topics[0] === everyTopic

/** Events of one page. */
const pageEvents = 256

/**
 * What a node can tell to readers of everything: what is in the ring, where events that were too large to be announced are
 * names, and read one by one. What is no longer there is a gap (`expired`), never silence. `ring` is null while the feed is
 * interrupted: then nothing is known yet.
 */
export async function readRemembered(
  store: Store,
  namespace: string,
  ring: Ring | null,
  after: Position,
): Promise<ReadResult> {
  const page = { events: [], from: after, upTo: after, more: false, gaps: [] }
  if (!ring) return page
  if (!ring.remembers(after))
    return { ...page, from: ring.begin, upTo: ring.begin, gaps: [{ reason: 'expired', topics: [everyTopic] }] }
  const { epoch } = after
  const next = ring.next(after, pageEvents)
  if (next instanceof NamedEvent) {
    const { seq, topics } = next
    // By all of its topics: one may have let go of it before another.
    const query = { topics, after: { epoch, seq: seq - 1 }, limit: 1, maxBytes: 1 }
    const read = await store.read(namespace, query)
    const events = read.upTo.epoch === epoch ? read.events.filter((event) => event.seq === seq) : []
    const gaps: ReadResult['gaps'] = events.length > 0 ? [] : [{ reason: 'expired', topics }]
    return { ...page, events, gaps, upTo: { epoch, seq }, more: true }
  }
  const last = next.at(-1)?.event
  if (!last) return page
  return { ...page, events: next.map(({ event }) => event), upTo: { epoch, seq: last.seq }, more: true }
}

/**
 * Where a reader of everything that does not begin now begins, and why history before it is missing. For a time: not after it,
 * but events before it may follow that are here by name only.
 */
export function beginningOf(
  start: Exclude<Start, { kind: 'now' }>,
  head: Position,
  ring: Ring | null,
): { readonly position: Position; readonly gap: GapReason | null } {
  const oldest = ring?.begin ?? head
  if (start.kind === 'start') return { position: oldest, gap: null }
  if (start.kind === 'unprovable') return { position: oldest, gap: 'unknown' }
  if (start.kind === 'time') {
    const before = ring?.after(oldest).findLast(({ event }) => event.timestamp < start.timestampMs)
    return { position: before?.position ?? oldest, gap: null }
  }
  const { position } = start
  if (position.epoch !== head.epoch) return { position: oldest, gap: 'epoch' }
  if (position.seq > head.seq) return { position: oldest, gap: 'unknown' }
  // What it lacks is found, or found missing, when it reads on.
  return { position, gap: null }
}
