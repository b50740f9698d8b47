import type { Position } from '../protocol/cursor.js'
import type { StoredEvent } from '../store/store.js'
import { EncodedEvent } from './frame.js'

/** An event that was too large to be announced with its content: whoever wants it reads it. */
export class NamedEvent {
  readonly seq: number
  readonly topics: readonly string[]

  constructor(seq: number, topics: readonly string[]) {
    this.seq = seq
    this.topics = topics
  }
}

type Remembered = StoredEvent | EncodedEvent | NamedEvent

/**
 * The newest announcements of a namespace, bounded by bytes and shared by all its readers. A reader that is a little behind
 * takes the rest from here in one synchronous step; one that is further behind reads the store first.
 */
export class Ring {
  readonly #maxBytes: number
  /** Below `#start` empty. Encoded by the first reader that takes it from here, for all that do. */
  #events: (Remembered | null)[] = []
  #start = 0
  #bytes = 0
  #epoch: string
  #floor: number
  /** The newest that is here by name only. */
  #namedUpTo = 0

  constructor(maxBytes: number, begin: Position) {
    this.#maxBytes = maxBytes
    this.#epoch = begin.epoch
    this.#floor = begin.seq
  }

  /** Forgets everything: what follows comes after `begin`. */
  restart(begin: Position): void {
    this.#events = []
    this.#start = 0
    this.#bytes = 0
    this.#epoch = begin.epoch
    this.#floor = begin.seq
    this.#namedUpTo = 0
  }

  push(event: StoredEvent | NamedEvent): void {
    if (event instanceof NamedEvent) this.#namedUpTo = event.seq
    this.#events.push(event)
    this.#bytes += weight(event)
    while (this.#bytes > this.#maxBytes && this.#start < this.#events.length) {
      const oldest = this.#at(this.#start)
      // Free at once: a thousand large events in front of the ring would be many times its bytes.
      this.#events[this.#start++] = null
      this.#bytes -= weight(oldest)
      this.#floor = oldest.seq
    }
    if (this.#start > 1_024 && this.#start * 2 > this.#events.length) {
      this.#events = this.#events.slice(this.#start)
      this.#start = 0
    }
  }

  /** Everything after it is here, or its name is. */
  get begin(): Position {
    return { epoch: this.#epoch, seq: this.#floor }
  }

  /** Whether everything after `position` is here, or its name is. */
  remembers(position: Position): boolean {
    return position.epoch === this.#epoch && position.seq >= this.#floor
  }

  /** Whether everything after `position` is here with its content. */
  covers(position: Position): boolean {
    return this.remembers(position) && position.seq >= this.#namedUpTo
  }

  /** The events after `position` that are here with their content, ascending. */
  after(position: Position): readonly EncodedEvent[] {
    const events: EncodedEvent[] = []
    for (let at = this.#firstAfter(position); at < this.#events.length; at++) {
      const event = this.#encodedAt(at)
      if (!(event instanceof NamedEvent)) events.push(event)
    }
    return events
  }

  /** The next after `position`, without a hole: at most `limit` with their content, or one by its name. */
  next(position: Position, limit: number): readonly EncodedEvent[] | NamedEvent {
    const events: EncodedEvent[] = []
    const first = this.#firstAfter(position)
    for (let at = first; at < this.#events.length && at - first < limit; at++) {
      const event = this.#encodedAt(at)
      if (!(event instanceof NamedEvent)) events.push(event)
      else return events.length === 0 ? event : events
    }
    return events
  }

  #firstAfter(position: Position): number {
    let low = this.#start
    let high = this.#events.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#at(middle).seq <= position.seq) low = middle + 1
      else high = middle
    }
    return low
  }

  #at(index: number): StoredEvent | NamedEvent {
    const kept = this.#events[index] as Remembered
    return kept instanceof EncodedEvent ? kept.event : kept
  }

  #encodedAt(index: number): EncodedEvent | NamedEvent {
    const kept = this.#events[index] as Remembered
    if (kept instanceof EncodedEvent || kept instanceof NamedEvent) return kept
    const encoded = new EncodedEvent(kept, { epoch: this.#epoch, seq: kept.seq })
    this.#events[index] = encoded
    return encoded
  }
}

/** The text, its frame, and what the objects around them take. */
const weight = (event: StoredEvent | NamedEvent): number =>
  512 +
  2 * (event instanceof NamedEvent ? event.topics.reduce((sum, { length }) => sum + length, 0) : event.body.length)
