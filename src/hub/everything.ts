import type { GapReason } from '../protocol/control.js'
import type { Position } from '../protocol/cursor.js'
import type { Announcement, ReadResult, Store } from '../store/store.js'
import type { Ring } from './ring.js'
import type { Start } from './start.js'

/** What an administrator names to read every event of a namespace (spec §4). No topic is called so. */
export const everyTopic = '*'

/** Such a reader has no topics that a store could be asked for: the node tells it what it holds in memory. */
export const readsEverything = (topics: readonly string[]): boolean => topics[0] === everyTopic

/** Of events that were too large to announce only the newest are remembered, by name. */
const rememberedLarge = 100

/**
 * What a node can tell to readers of everything: the ring, and the names of events that were too large to be in it, which
 * are read one by one. What is no longer here is a gap (`expired`), never silence.
 */
export class Everything {
  #large: Announcement[] = []

  /** An event that was announced without its content. */
  noteLarge(announcement: Announcement): void {
    this.#large.push(announcement)
    if (this.#large.length > rememberedLarge) this.#large.shift()
  }

  /** The next that is not in the ring. `ring` is null while the feed is interrupted: then nothing is known yet. */
  async read(store: Store, namespace: string, ring: Ring | null, after: Position): Promise<ReadResult> {
    const page = { events: [], from: after, upTo: after, more: false, gaps: [] }
    const large = this.#large.find(
      ({ epoch, seq, prev }) => epoch === after.epoch && seq > after.seq && prev <= after.seq,
    )
    if (large) {
      const { epoch, seq, topics } = large
      const query = { topics: topics.slice(0, 1), after: { epoch, seq: seq - 1 }, limit: 1, maxBytes: 1 }
      const { events } = await store.read(namespace, query)
      // Erased or trimmed meanwhile: there is nothing to tell.
      return { ...page, events: events.filter((event) => event.seq === seq), upTo: { epoch, seq }, more: true }
    }
    if (!ring || ring.covers(after)) return page
    return { ...page, from: ring.begin, upTo: ring.begin, gaps: [{ reason: 'expired', topics: [everyTopic] }] }
  }
}

/** Where a reader of everything that does not begin now begins, and why history before it is missing. */
export function beginningOf(
  start: Exclude<Start, { kind: 'now' }>,
  head: Position,
  ring: Ring | null,
): { readonly position: Position; readonly gap: GapReason | null } {
  const oldest = ring?.begin ?? head
  if (start.kind === 'start') return { position: oldest, gap: null }
  if (start.kind === 'unprovable') return { position: oldest, gap: 'unknown' }
  if (start.kind === 'time') {
    const first = ring?.after(oldest).find(({ event }) => event.timestamp >= start.timestampMs)
    return { position: first ? { epoch: oldest.epoch, seq: first.event.seq - 1 } : head, gap: null }
  }
  const { position } = start
  if (position.epoch !== head.epoch) return { position: oldest, gap: 'epoch' }
  if (position.seq > head.seq) return { position: oldest, gap: 'unknown' }
  // What it lacks is found, or found missing, when it reads on.
  return { position, gap: null }
}
