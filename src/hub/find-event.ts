import { type Position, formatCursor } from '../protocol/cursor.js'
import type { StoredEvent } from '../store/store.js'
import type { HubCore } from './hub.js'

/** An event as the log has it. */
export interface FoundEvent {
  readonly event: StoredEvent
  readonly epoch: string
}

export interface EventSearch {
  readonly found: FoundEvent | null
  /** Events of the log that were looked at. */
  readonly looked: number
  /** False: there is more than one request may look at. */
  readonly complete: boolean
}

/** What one request may read. */
const mostLooked = 50_000

/** The time in a UUIDv7, Unix ms; null: another kind of id. */
function timeIn(id: string): number | null {
  const [, high, low] = /^([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i.exec(id) ?? []
  return high === undefined || low === undefined ? null : Number.parseInt(high + low, 16)
}

/**
 * Looks for an event by its id, or by its cursor: in what this node holds in memory, whatever its topic, then in the log of
 * `topics`. A store cannot be asked by id, so the log is read, from a little before the time in the id where it has one.
 */
export async function findEvent(
  core: HubCore,
  namespace: string,
  wanted: string | Position,
  topics: readonly string[],
): Promise<EventSearch> {
  const isWanted = ({ id, seq }: StoredEvent, epoch: string): boolean =>
    typeof wanted === 'string' ? id === wanted : seq === wanted.seq && epoch === wanted.epoch
  const recent = core.recent(namespace).find(({ event, position }) => isWanted(event, position?.epoch ?? ''))
  if (recent?.position)
    return { found: { event: recent.event, epoch: recent.position.epoch }, looked: 0, complete: true }
  if (topics.length === 0) return { found: null, looked: 0, complete: true }
  let after = await beginningFor(core, namespace, wanted)
  for (let looked = 0; ; ) {
    const page = await core.store.read(namespace, { topics, after, limit: 1_000, maxBytes: 1024 * 1024 })
    const event = page.events.find((one) => isWanted(one, page.upTo.epoch))
    looked += page.events.length
    if (event) return { found: { event, epoch: page.upTo.epoch }, looked, complete: true }
    if (!page.more || typeof wanted !== 'string') return { found: null, looked, complete: true }
    if (looked >= mostLooked) return { found: null, looked, complete: false }
    after = page.upTo
  }
}

async function beginningFor(core: HubCore, namespace: string, wanted: string | Position): Promise<Position | 'start'> {
  if (typeof wanted !== 'string') return { epoch: wanted.epoch, seq: Math.max(0, wanted.seq - 1) }
  const timeMs = timeIn(wanted)
  // Made by a publisher whose clock may be wrong, or a while before it was published: never looked for too late.
  return timeMs === null ? 'start' : await core.store.positionAt(namespace, timeMs - 600_000)
}

export const cursorOf = ({ event, epoch }: FoundEvent): string => formatCursor({ epoch, seq: event.seq })
