import type { HubEvent } from './event.js'

/** One event as it came to this page. */
export interface LoggedEvent {
  /** Rises by one with each event that came. */
  readonly number: number
  /** Unix ms of this browser. */
  readonly at: number
  readonly event: HubEvent
  /** The cursor it came with; null: a volatile one. */
  readonly cursor: string | null
  /** The envelope as it was sent. */
  readonly text: string
}

/** So many of the newest are kept, and of large ones as many as fit. */
const mostEvents = 5_000
const mostCharacters = 16 * 1024 * 1024

/** The newest events: whatever comes, and however fast, it takes no more room than this. */
export class EventLog {
  readonly #mostEvents: number
  readonly #mostCharacters: number
  #entries: (LoggedEvent | null)[] = []
  #start = 0
  #characters = 0
  #total = 0

  constructor(limits: { readonly events?: number; readonly characters?: number } = {}) {
    this.#mostEvents = limits.events ?? mostEvents
    this.#mostCharacters = limits.characters ?? mostCharacters
  }

  /** How many came in all. */
  get total(): number {
    return this.#total
  }
  /** How many of them are no longer kept. */
  get dropped(): number {
    return this.#total - this.size
  }
  get size(): number {
    return this.#entries.length - this.#start
  }

  push(event: Omit<LoggedEvent, 'number'>): void {
    this.#entries.push({ ...event, number: ++this.#total })
    this.#characters += event.text.length
    while (this.size > this.#mostEvents || (this.#characters > this.#mostCharacters && this.size > 1)) {
      this.#characters -= (this.#entries[this.#start] as LoggedEvent).text.length
      this.#entries[this.#start++] = null
    }
    if (this.#start > this.#mostEvents) {
      this.#entries = this.#entries.slice(this.#start)
      this.#start = 0
    }
  }

  /** Oldest first. A copy: what came later is not in it. */
  entries(): readonly LoggedEvent[] {
    return this.#entries.slice(this.#start) as LoggedEvent[]
  }

  /** Forgets what is kept; the count goes on from nothing. */
  clear(): void {
    this.#entries = []
    this.#start = 0
    this.#characters = 0
    this.#total = 0
  }
}
