import type { Position } from '../protocol/cursor.js'
import type { StoredEvent } from '../store/store.js'
import { EncodedEvent } from './frame.js'

/**
 * The newest announcements of a namespace, bounded by bytes and shared by all its readers. A reader that is a little behind
 * takes the rest from here in one synchronous step; one that is further behind reads the store first.
 */
export class Ring {
  readonly #maxBytes: number
  /** Below `#start` empty. Encoded by the first reader that takes it from here, for all that do. */
  #events: (StoredEvent | EncodedEvent | null)[] = []
  #start = 0
  #bytes = 0
  #epoch: string
  #floor: number

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
  }

  push(event: StoredEvent): void {
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

  /** Everything after it is here. */
  get begin(): Position {
    return { epoch: this.#epoch, seq: this.#floor }
  }

  /** Whether everything after `position` is here. */
  covers(position: Position): boolean {
    return position.epoch === this.#epoch && position.seq >= this.#floor
  }

  /** The events after `position`, ascending. */
  after(position: Position): readonly EncodedEvent[] {
    let low = this.#start
    let high = this.#events.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#at(middle).seq <= position.seq) low = middle + 1
      else high = middle
    }
    const events: EncodedEvent[] = []
    for (let at = low; at < this.#events.length; at++) events.push(this.#encodedAt(at))
    return events
  }

  #at(index: number): StoredEvent {
    const kept = this.#events[index] as StoredEvent | EncodedEvent
    return kept instanceof EncodedEvent ? kept.event : kept
  }

  #encodedAt(index: number): EncodedEvent {
    const kept = this.#events[index] as StoredEvent | EncodedEvent
    if (kept instanceof EncodedEvent) return kept
    const encoded = new EncodedEvent(kept, { epoch: this.#epoch, seq: kept.seq })
    this.#events[index] = encoded
    return encoded
  }
}

/** The text, its frame, and what the objects around them take. */
const weight = (event: StoredEvent): number => 2 * event.body.length + 512
