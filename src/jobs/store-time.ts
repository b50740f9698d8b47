import type { Clock } from '../clock.js'

/** What time it is for the store: the last stamp it gave, plus what has passed here since. Never asks the wall clock. */
export class StoreTime {
  readonly #clock: Clock
  #stamp = 0
  #stampedAt = 0
  /** Until the store has been heard, `now()` means nothing. */
  known = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  note(timestamp: number): void {
    this.known = true
    this.#stamp = timestamp
    this.#stampedAt = this.#clock.monotonic()
  }

  now(): number {
    return this.#stamp + Math.floor(this.#clock.monotonic() - this.#stampedAt)
  }
}
