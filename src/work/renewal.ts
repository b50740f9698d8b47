import type { Clock, Timer } from '../clock.js'
import { TidingsError } from '../errors.js'
import type { Random } from '../random.js'
import { repeatPauseMs } from './repeat.js'

export interface RenewalParts {
  readonly clock: Clock
  readonly random: Random
  readonly onError: (error: unknown) => void
}

/**
 * Keeps the lease of a running attempt: renews it every third of it, and where the store or the hub does not answer goes on
 * trying often enough to be in time when it comes back, since it then grants one whole lease (J6).
 */
export class Renewal {
  readonly #parts: RenewalParts
  readonly #renew: (tryMs: number) => Promise<unknown>
  #leaseMs = 0
  #keptAt = 0
  #timer: Timer | null = null
  #stopped = false
  #reported = false

  /** `renew` makes one try. */
  constructor(parts: RenewalParts, renew: (tryMs: number) => Promise<unknown>) {
    this.#parts = parts
    this.#renew = renew
  }

  /** Half of what passes between two renewals: two tries and their pauses fit before the next is due. */
  get longestPauseMs(): number {
    return this.#leaseMs === 0 ? repeatPauseMs.to : Math.min(repeatPauseMs.to, this.#leaseMs / 6)
  }

  /**
   * A command was accepted that was first sent at `sentAt` (monotonic). Not when the answer came: what is sent again renews
   * nothing, so an answer that took long to come may be about a lease of long ago.
   */
  kept(leaseMs: number, sentAt: number): void {
    if (this.#stopped || (this.#timer && sentAt <= this.#keptAt)) return
    this.#leaseMs = leaseMs
    this.#keptAt = sentAt
    this.#reported = false
    this.#arm(sentAt + leaseMs / 3 - this.#parts.clock.monotonic(), 0)
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    this.#timer = null
  }

  #arm(delayMs: number, failures: number): void {
    this.#timer?.cancel()
    this.#timer = this.#parts.clock.setTimer(() => void this.#turn(failures), Math.max(0, delayMs))
  }

  async #turn(failures: number): Promise<void> {
    const armed = this.#timer
    try {
      // Short, so that a connection that has died costs one try and not the lease.
      await this.#renew(Math.max(2_000, this.#leaseMs / 6))
    } catch (error) {
      // Another command may have been accepted meanwhile.
      if (this.#stopped || this.#timer !== armed) return
      this.#report(error)
      const { random } = this.#parts
      const boundMs = Math.min(this.longestPauseMs, repeatPauseMs.from * 2 ** Math.min(failures, 20))
      const askedMs = error instanceof TidingsError ? (error.retryAfterMs ?? 0) : 0
      this.#arm(Math.min(askedMs, this.#leaseMs / 3) + random.fraction() * boundMs, failures + 1)
    }
  }

  /** That a store is away for a moment is no news; that nothing was renewed for as long as the lease is. */
  #report(error: unknown): void {
    const isPassing = error instanceof TidingsError && error.retryable
    const isLate = this.#parts.clock.monotonic() - this.#keptAt > this.#leaseMs
    if (this.#reported || (isPassing && !isLate)) return
    this.#reported = true
    this.#parts.onError(error)
  }
}
