import type { Position } from '../protocol/cursor.js'
import type { EncodedEvent } from './frame.js'

/**
 * The newest announcements of a namespace, bounded by bytes and shared by all its readers. A reader that is a little behind
 * takes the rest from here in one synchronous step; one that is further behind reads the store first.
 */
export class Ring {
  readonly #maxBytes: number
  /** Below `#start` empty. */
  #events: (EncodedEvent | null)[] = []
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

  push(event: EncodedEvent): void {
    this.#events.push(event)
    this.#bytes += weight(event)
    while (this.#bytes > this.#maxBytes && this.#start < this.#events.length) {
      const oldest = this.#events[this.#start] as EncodedEvent
      // Free at once: a thousand large events in front of the ring would be many times its bytes.
      this.#events[this.#start++] = null
      this.#bytes -= weight(oldest)
      this.#floor = oldest.event.seq
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
      if ((this.#events[middle] as EncodedEvent).event.seq <= position.seq) low = middle + 1
      else high = middle
    }
    return low === this.#events.length ? [] : (this.#events.slice(low) as EncodedEvent[])
  }
}

/** The text, its frame, and what the objects around them take. */
const weight = (event: EncodedEvent): number => 2 * event.event.body.length + 512
