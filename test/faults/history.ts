import { createHash } from 'node:crypto'
import { type Position, parseCursor } from '#src/protocol/cursor.js'

/**
 * What happened in a run, as each actor noted it: the input of {@link file://./auditor.ts}. Cursors are those of the wire,
 * `<epoch>.<seq>`. Times are of one clock (of one machine); those of several processes may be `Date.now()`.
 */
export interface History {
  readonly publishes: readonly Publish[]
  readonly readers: readonly Reader[]
  /** All that is kept when all is over, read from the start, ascending. Its retention must hold the whole run. */
  readonly log: readonly Seen[]
  /** What was taken away on purpose. Anything else that is missing is a violation. */
  readonly losses?: readonly Loss[]
}

/** One call of a publisher. A call repeated with its id is one more entry. */
export interface Publish {
  /** Which publisher: its entries with `n` must stand in the log in the order of `n`. */
  readonly by: string
  /** Place in the order of its calls; absent where it promises none. */
  readonly n?: number
  readonly id: string
  readonly topics: readonly string[]
  /** Of its content, see {@link digestOf}. */
  readonly digest: string
  /** `refused`: an error that says nothing was stored. `indeterminate`: killed, cut off, or told so. */
  readonly outcome: 'acknowledged' | 'indeterminate' | 'refused'
  /** Of the answer. */
  readonly cursor?: string
  readonly calledAtMs?: number
  readonly answeredAtMs?: number
}

export interface Seen {
  readonly cursor: string
  readonly id: string
  readonly topics: readonly string[]
  readonly digest: string
}

export interface Reader {
  readonly name: string
  readonly topics: readonly string[]
  /** `wire`: bytes of connections, where an event may come again after a reconnect. `app`: what handlers were given. */
  readonly layer: 'wire' | 'app'
  readonly notes: readonly Note[]
}

/** What a reader notes, in order. */
export type Note =
  /** A connection begins from here: the cursor it asked for; of the first one, the one that `hello` told it, or `start`. */
  | { readonly kind: 'begin'; readonly cursor: string }
  | ({ readonly kind: 'event' } & Seen)
  /** It is told that all at or below was sent (`ping`), or it is known to have waited for that. */
  | { readonly kind: 'position'; readonly cursor: string }
  /** `topics` absent: all. `cursor`: where reading goes on. */
  | { readonly kind: 'gap'; readonly reason: string; readonly cursor: string; readonly topics?: readonly string[] }

export type Loss =
  /**
   * Events above `kept` and below `resumed` are gone (S6). `resumed`: the position that was told before the first event
   * stored afterwards.
   */
  | { readonly kind: 'stretch'; readonly epoch: string; readonly kept: number; readonly resumed: number }
  /** The whole history under this epoch is gone. */
  | { readonly kind: 'epoch'; readonly epoch: string }

export function digestOf(content: unknown): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('base64url').slice(0, 16)
}

/** `start` is before everything. */
export function positionOf(cursor: string): Position {
  const position = cursor === 'start' ? { epoch: '', seq: 0 } : parseCursor(cursor)
  if (!position) throw new Error(`${cursor} is no cursor: the history was noted wrongly`)
  return position
}

/** Notes what `hub.subscribe` gives. */
export class ReaderNotes implements Reader {
  readonly name: string
  readonly topics: readonly string[]
  readonly layer: 'wire' | 'app'
  readonly notes: Note[] = []

  constructor(name: string, topics: readonly string[], layer: 'wire' | 'app' = 'app') {
    this.name = name
    this.topics = topics
    this.layer = layer
  }

  begin(cursor: string): void {
    this.notes.push({ kind: 'begin', cursor })
  }

  /** An event as it is on the wire. `cursor`: its `id:`. */
  event(event: { readonly id: string; readonly topic: string; readonly data?: unknown }, cursor: string): void {
    const { id, topic, data } = event
    this.notes.push({ kind: 'event', id, cursor, topics: [topic], digest: digestOf(data) })
  }

  gap(gap: { readonly reason: string; readonly cursor: string; readonly topics?: readonly string[] }): void {
    const { reason, cursor, topics } = gap
    this.notes.push({ kind: 'gap', reason, cursor, ...(topics && { topics }) })
  }

  position(cursor: string): void {
    this.notes.push({ kind: 'position', cursor })
  }

  /** The last place that it noted. */
  get cursor(): string | null {
    return this.notes.at(-1)?.cursor ?? null
  }
}
