import type { Clock } from '../clock.js'

const gatherMs = 1_000

/** Failures of publishes that were answered before they were done: told in one line a second, however many. */
export class LateFailures {
  readonly #clock: Clock
  readonly #report: (error: unknown, stage: string) => void
  #count = 0
  #first: unknown

  constructor(clock: Clock, report: (error: unknown, stage: string) => void) {
    this.#clock = clock
    this.#report = report
  }

  /** Hears of the failure of `work`, for which nobody waits any more. */
  watch(work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      if (this.#count++ > 0) return
      this.#first = error
      this.#clock.setTimer(() => this.tell(), gatherMs)
    })
  }

  /** At once: at the end there is no later. */
  tell(): void {
    if (this.#count === 0) return
    const what = this.#count === 1 ? 'A publish' : `${this.#count} publishes`
    this.#count = 0
    this.#report(new Error(`${what} answered with 202 could not be stored.`, { cause: this.#first }), 'publish-queue')
  }
}
