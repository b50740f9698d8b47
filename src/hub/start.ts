import { TidingsError } from '../errors.js'
import type { GapNotice, GapReason } from '../protocol/control.js'
import { type Position, formatCursor, parseCursor } from '../protocol/cursor.js'
import type { ReadResult } from '../store/store.js'
import type { Channel } from './channel.js'
import type { ConnectionOptions } from './connection-options.js'
import { beginningOf, readsEverything } from './everything.js'
import type { HubContext } from './context.js'

/** Where a reader asked to begin (D5). */
export type Start =
  | { readonly kind: 'now' }
  | { readonly kind: 'start' }
  | { readonly kind: 'time'; readonly timestampMs: number }
  | { readonly kind: 'cursor'; readonly position: Position }
  /** A `Last-Event-ID` that no hub could have made: answered by a gap, never by a status. */
  | { readonly kind: 'unprovable' }

/** One for the thousands that ask for it. */
export const fromNow: Start = { kind: 'now' }

/** Whether somebody asks who was here before: native readers and ours say so by a cursor. */
export const comesBack = ({ kind }: Start): boolean => kind === 'cursor' || kind === 'unprovable'

/** Reads a `since`; throws `cursor_invalid` where it is malformed. */
export function parseSince(since: string): Start {
  if (since === 'now') return fromNow
  if (since === 'start') return { kind: 'start' }
  if (/^@\d{1,15}$/.test(since)) return { kind: 'time', timestampMs: Number(since.slice(1)) }
  const position = parseCursor(since)
  if (position) return { kind: 'cursor', position }
  throw new TidingsError(
    'cursor_invalid',
    '"since" must be "start", "now", a cursor from this hub, or "@" and a Unix time in ms.',
    {
      field: 'since',
    },
  )
}

/** Reads a non-empty `Last-Event-ID`, which decides alone. */
export function parseLastEventId(lastEventId: string): Start {
  const position = parseCursor(lastEventId)
  return position ? { kind: 'cursor', position } : { kind: 'unprovable' }
}

export const gapKey = (reason: GapReason, topic: string): string => `${reason} ${topic}`

/**
 * Whether the gaps of a read after `before` are such that the next read finds them again, until the position is behind them.
 * Those over which a read jumped are behind it at once: the same reason for the same topic is another gap next time.
 */
export const isFoundAgain = ({ from }: ReadResult, before: Position): boolean =>
  from.epoch === before.epoch && from.seq === before.seq

/** Whoever reads all that is kept is not told what no longer is. */
const allOf = (topics: readonly string[]): ReadonlySet<string> =>
  new Set(topics.flatMap((topic) => (['expired', 'lost', 'unknown'] as const).map((reason) => gapKey(reason, topic))))

const nothing: ReadonlySet<string> = new Set()
const noFloors: ReadonlyMap<string, number> = new Map()
const none: readonly never[] = []

export interface Opening {
  /** The position before the first event that follows. */
  readonly position: Position
  readonly resumed: boolean
  readonly gaps: readonly GapNotice[]
  /** Gaps of single topics ({@link gapKey}) that the reader has been told of, or did not ask about. */
  readonly told: ReadonlySet<string>
  readonly floors: ReadonlyMap<string, number>
  /** Job topics whose state the reader needs before their events. */
  readonly snapshotTopics: readonly string[]
  /** Nothing will ever follow. */
  readonly finished: boolean
}

/**
 * Where a reader will begin, as far as this node can tell without its store: at its own cursor, or, for `now`, at the last
 * number that was heard. Null: nowhere yet.
 */
export function positionKnownFor(start: Start, { began, watermark }: Channel): Position | null {
  if (start.kind === 'cursor') return start.position
  return start.kind === 'now' && began ? watermark : null
}

/**
 * The same for a cursor that is the newest, as most polls have one: nothing came after it, so nothing can be missing, and
 * nothing needs to be read. Null: another start, or jobs alone, of which the store says whether they have ended.
 */
export function openingAtNewest(channel: Channel, { start, topics }: ConnectionOptions): Opening | null {
  if (start.kind !== 'cursor' || !channel.isNewest(start.position)) return null
  return topics.every((topic) => topic.startsWith('job:')) ? null : { ...begin(start.position), resumed: true }
}

/**
 * Turns what was asked for into a position, proved by the store. `known` was told to the reader already. A reader whose
 * `now` was before the store could be reached begins where the feed began: what waited to be published comes after it.
 */
export async function openingOf(
  context: HubContext,
  channel: Channel,
  options: ConnectionOptions,
  late: { readonly known: Position | null } | null,
): Promise<Opening> {
  const { start, topics } = options
  if (start.kind !== 'now') return await openingAt(start, context, channel, topics)
  const position = late && (late.known ?? channel.began)
  return begin(position ?? (await context.store.head(channel.namespace)), jobTopicsOf(topics))
}

const jobTopicsOf = (topics: readonly string[]): readonly string[] => topics.filter((topic) => topic.startsWith('job:'))

const begin = (position: Position, snapshotTopics: readonly string[] = none): Opening => ({
  position,
  resumed: false,
  gaps: none,
  told: nothing,
  floors: noFloors,
  snapshotTopics,
  finished: false,
})

async function openingAt(
  start: Exclude<Start, { readonly kind: 'now' }>,
  context: HubContext,
  channel: Channel,
  topics: readonly string[],
): Promise<Opening> {
  const { namespace } = channel
  const jobTopics = jobTopicsOf(topics)
  if (readsEverything(topics)) {
    const beginning = beginningOf(start, await context.store.head(namespace), channel.ring)
    const { gap } = beginning
    const readOn = (after: Position): Promise<ReadResult> => channel.readEverything(after)
    const position =
      start.kind === 'time' ? await firstAt(readOn, beginning.position, start.timestampMs) : beginning.position
    const gaps: readonly GapNotice[] = gap ? [{ reason: gap, cursor: formatCursor(position) }] : []
    return {
      ...begin(position),
      gaps,
      resumed: start.kind === 'cursor' && !gap && channel.ring?.remembers(position) === true,
    }
  }
  if (start.kind === 'time') {
    const { pageEvents: limit, pageBytes: maxBytes } = context.settings
    const readOn = (after: Position): Promise<ReadResult> =>
      context.store.read(namespace, { topics, after, limit, maxBytes })
    return begin(await firstAt(readOn, await context.store.positionAt(namespace, start.timestampMs), start.timestampMs))
  }
  const after = start.kind === 'cursor' ? start.position : 'start'
  const page = await context.store.read(namespace, { topics, after, limit: 1, maxBytes: 1 })
  if (start.kind === 'start') return { ...begin(page.from), told: allOf(topics) }
  const cursor = formatCursor(page.from)
  if (start.kind === 'unprovable') {
    return { ...begin(page.from, jobTopics), gaps: [{ reason: 'unknown', cursor }], told: allOf(topics) }
  }

  const gapped = new Set(page.gaps.flatMap((gap) => gap.topics))
  const floors = new Map<string, number>()
  if (page.from.epoch === start.position.epoch && page.from.seq < start.position.seq) {
    for (const topic of topics) if (!gapped.has(topic)) floors.set(topic, start.position.seq)
  }
  const quiet = page.events.length === 0 && gapped.size === 0 && jobTopics.length === topics.length
  return {
    position: page.from,
    resumed: gapped.size === 0,
    gaps: page.gaps.map((gap) => ({ reason: gap.reason, topics: gap.topics, cursor })),
    told: isFoundAgain(page, start.position)
      ? new Set(page.gaps.flatMap(({ reason, topics }) => topics.map((topic) => gapKey(reason, topic))))
      : nothing,
    floors,
    snapshotTopics: jobTopics.filter((topic) => gapped.has(topic)),
    finished: quiet && (await haveAllEnded(context, namespace, topics)),
  }
}

/** The store knows times by the minute; the rest of the way is read. */
async function firstAt(
  readOn: (after: Position) => Promise<ReadResult>,
  notAfter: Position,
  timestampMs: number,
): Promise<Position> {
  let position = notAfter
  for (;;) {
    const page = await readOn(position)
    const first = page.events.find((event) => event.timestamp >= timestampMs)
    if (first) return { epoch: page.upTo.epoch, seq: first.seq - 1 }
    position = page.upTo
    if (!page.more) return position
  }
}

async function haveAllEnded(context: HubContext, namespace: string, topics: readonly string[]): Promise<boolean> {
  for (const topic of topics) if (!(await context.hasEnded(namespace, topic))) return false
  return true
}
