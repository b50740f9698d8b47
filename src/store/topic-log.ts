import type { GapReason } from '../protocol/control.js'
import { eventBytes } from './event-size.js'
import type { StoredEvent } from './store.js'

/** The kept events of one topic, ascending. What changes it answers by how many bytes. */
export class TopicLog {
  readonly #kept: (StoredEvent | undefined)[] = []
  /** Trimmed entries at the front that have not been cut off yet; cutting each time would copy the array each time. */
  #start = 0
  #bytes = 0
  #last: number
  /** The topic's number before the oldest kept event: tells whether anything lay between that one and a cursor. */
  #before: number
  #erasedThrough = 0
  readonly #dropped: (event: StoredEvent) => void

  /**
   * `trimmedThrough`: at or below this number the topic may have had events that are gone. `dropped` hears of each event
   * that it no longer keeps.
   */
  constructor(trimmedThrough: number, dropped: (event: StoredEvent) => void) {
    this.#dropped = dropped
    this.#last = trimmedThrough
    this.#before = trimmedThrough
  }

  get count(): number {
    return this.#kept.length - this.#start
  }
  get bytes(): number {
    return this.#bytes
  }
  get first(): number | null {
    return this.#oldest?.seq ?? null
  }
  get last(): number | null {
    return this.#kept.at(-1)?.seq ?? null
  }

  /** Keeps an event of `bytes`; returns them. */
  add(event: StoredEvent, bytes: number): number {
    this.#kept.push(event)
    this.#last = event.seq
    this.#bytes += bytes
    return bytes
  }

  /**
   * Drops the oldest events that neither floor needs: the newest `events`, or as many as make up `bytes`. The newest stays.
   * Returns the bytes dropped.
   */
  trimToSize(limits: { readonly events: number; readonly bytes: number }): number {
    if (this.count <= limits.events && this.#bytes < limits.bytes) return 0
    const before = this.#bytes
    for (let oldest = this.#oldest; oldest && this.count > 1; oldest = this.#oldest) {
      const bytes = eventBytes(oldest)
      if (this.count <= limits.events && this.#bytes - bytes < limits.bytes) break
      this.#drop(oldest, bytes)
    }
    return before - this.#bytes
  }

  /** Drops everything at or below `seq`; returns the bytes dropped. */
  trimThrough(seq: number): number {
    const before = this.#bytes
    for (let oldest = this.#oldest; oldest && oldest.seq <= seq; oldest = this.#oldest)
      this.#drop(oldest, eventBytes(oldest))
    if (this.#erasedThrough <= seq) this.#erasedThrough = 0
    return before - this.#bytes
  }

  /** Drops everything and remembers up to where, so that readers who have not seen it hear of it. Returns the bytes dropped. */
  erase(): number {
    const bytes = this.#bytes
    for (const event of this.after(0)) this.#dropped(event)
    this.#erasedThrough = Math.max(this.#erasedThrough, this.#last)
    this.#before = this.#last
    this.#kept.length = 0
    this.#start = 0
    this.#bytes = 0
    return bytes
  }

  /** Whether it keeps no event and knows nothing that the namespace's own trim mark does not know. */
  isForgettable(trimmedThrough: number): boolean {
    return this.count === 0 && this.#last <= trimmedThrough
  }

  /** Why a reader at `seq` cannot have all that came after it, or null: all of it is here. */
  gapAfter(seq: number): GapReason | null {
    if (seq < this.#erasedThrough) return 'unknown'
    return seq < this.#before ? 'expired' : null
  }

  /** The kept events after `seq`, one by one. Read it at once: an append or trim invalidates it. */
  *after(seq: number): Generator<StoredEvent, void> {
    let low = this.#start
    let high = this.#kept.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#kept[middle]?.seq ?? 0) > seq) high = middle
      else low = middle + 1
    }
    for (let at = low; at < this.#kept.length; at++) {
      const kept = this.#kept[at]
      if (kept) yield kept
    }
  }

  get #oldest(): StoredEvent | undefined {
    return this.#kept[this.#start]
  }

  #drop(oldest: StoredEvent, bytes: number): void {
    this.#kept[this.#start++] = undefined
    this.#before = oldest.seq
    this.#bytes -= bytes
    this.#dropped(oldest)
    if (this.#start > 32 && this.#start * 2 > this.#kept.length) {
      this.#kept.splice(0, this.#start)
      this.#start = 0
    }
  }
}
