import type { GapReason } from '../protocol/control.js'
import { eventBytes } from './event-size.js'
import type { StoredEvent } from './store.js'

interface Kept {
  readonly event: StoredEvent
  /** The topic's number before this one: the oldest kept event tells whether anything lay between it and a cursor. */
  readonly prev: number
  readonly bytes: number
}

/** The kept events of one topic, ascending. */
export class TopicLog {
  readonly #kept: (Kept | undefined)[] = []
  /** Trimmed entries at the front that have not been cut off yet; cutting each time would copy the array each time. */
  #start = 0
  #bytes = 0
  #last: number
  #erasedThrough = 0

  /** `trimmedThrough`: at or below this number the topic may have had events that are gone. */
  constructor(trimmedThrough: number) {
    this.#last = trimmedThrough
  }

  get count(): number {
    return this.#kept.length - this.#start
  }
  get bytes(): number {
    return this.#bytes
  }
  get first(): number | null {
    return this.#kept[this.#start]?.event.seq ?? null
  }
  get last(): number | null {
    return this.#kept.at(-1)?.event.seq ?? null
  }

  add(event: StoredEvent): void {
    const bytes = eventBytes(event)
    this.#kept.push({ event, prev: this.#last, bytes })
    this.#last = event.seq
    this.#bytes += bytes
  }

  /** Drops the oldest events that neither floor needs: the newest `events`, or as many as make up `bytes`. The newest stays. */
  trimToSize(limits: { readonly events: number; readonly bytes: number }): void {
    for (let oldest = this.#oldest; oldest && this.count > 1; oldest = this.#oldest) {
      if (this.count <= limits.events && this.#bytes - oldest.bytes < limits.bytes) return
      this.#drop(oldest)
    }
  }

  /** Drops everything at or below `seq`. */
  trimThrough(seq: number): void {
    for (let oldest = this.#oldest; oldest && oldest.event.seq <= seq; oldest = this.#oldest) this.#drop(oldest)
    if (this.#erasedThrough <= seq) this.#erasedThrough = 0
  }

  /** Drops everything and remembers up to where, so that readers who have not seen it hear of it. */
  erase(): void {
    this.#erasedThrough = Math.max(this.#erasedThrough, this.#last)
    this.#kept.length = 0
    this.#start = 0
    this.#bytes = 0
  }

  /** Whether it keeps no event and knows nothing that the namespace's own trim mark does not know. */
  isForgettable(trimmedThrough: number): boolean {
    return this.count === 0 && this.#last <= trimmedThrough
  }

  /** Why a reader at `seq` cannot have all that came after it, or null: all of it is here. */
  gapAfter(seq: number): GapReason | null {
    if (seq < this.#erasedThrough) return 'unknown'
    return seq < (this.#oldest?.prev ?? this.#last) ? 'expired' : null
  }

  /** The kept events after `seq`, one by one. Read it at once: an append or trim invalidates it. */
  *after(seq: number): Generator<StoredEvent, void> {
    let low = this.#start
    let high = this.#kept.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#kept[middle]?.event.seq ?? 0) > seq) high = middle
      else low = middle + 1
    }
    for (let at = low; at < this.#kept.length; at++) {
      const kept = this.#kept[at]
      if (kept) yield kept.event
    }
  }

  get #oldest(): Kept | undefined {
    return this.#kept[this.#start]
  }

  #drop(oldest: Kept): void {
    this.#kept[this.#start++] = undefined
    this.#bytes -= oldest.bytes
    if (this.#start > 32 && this.#start * 2 > this.#kept.length) {
      this.#kept.splice(0, this.#start)
      this.#start = 0
    }
  }
}
