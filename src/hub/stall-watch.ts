import type { Clock } from '../clock.js'
import type { Outlet } from './outlet.js'
import type { Wheel } from './wheel.js'

/** What is looked at. */
export type Stalling = Pick<Outlet, 'hasUnsent' | 'progress'>

/** Looks a few times per limit, so that a stall is judged to a quarter of it. */
const looks = 4

/**
 * Finds a reader that takes no byte for `limitMs` while bytes wait (D6). One entry of the wheel at most, and none while
 * nothing waits.
 */
export class StallWatch {
  readonly #outlet: Stalling
  readonly #wheel: Wheel
  readonly #clock: Clock
  readonly #limitMs: number
  readonly #onStall: () => void
  #isWatching = false
  #progress: unknown
  #since = 0

  constructor(outlet: Stalling, wheel: Wheel, clock: Clock, limitMs: number, onStall: () => void) {
    this.#outlet = outlet
    this.#wheel = wheel
    this.#clock = clock
    this.#limitMs = limitMs
    this.#onStall = onStall
  }

  /** Bytes wait: watch them until they have been taken. */
  begin(): void {
    this.#note()
    if (this.#isWatching) return
    this.#isWatching = true
    this.#wheel.after(this.#limitMs / looks, () => this.#look())
  }

  /** Since when no byte has been taken, where that was noticed and still is so. */
  get sinceMs(): number | null {
    return this.#isWatching && this.#outlet.progress === this.#progress ? this.#since : null
  }

  #look(): void {
    this.#isWatching = false
    if (!this.#outlet.hasUnsent) return
    this.#note()
    if (this.#clock.monotonic() - this.#since >= this.#limitMs) this.#onStall()
    else this.begin()
  }

  #note(): void {
    const { progress } = this.#outlet
    if (progress === this.#progress) return
    this.#progress = progress
    this.#since = this.#clock.monotonic()
  }
}
