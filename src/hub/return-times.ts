import type { CloseReason } from '../protocol/control.js'
import type { Random } from '../random.js'
import type { HubSettings } from './settings.js'

/** When those who are sent away, or lose their stream, come back: each at another moment, so that they do not come back together. */
export class ReturnTimes {
  readonly #random: Random
  readonly #settings: HubSettings

  constructor(random: Random, settings: HubSettings) {
    this.#random = random
    this.#settings = settings
  }

  /** For native EventSource, which has no jitter of its own. */
  retryMs(): number {
    const { from, to } = this.#settings.retryMs
    return Math.round(from + this.#random.fraction() * (to - from))
  }

  /** For a stream that the hub ends. */
  afterMs(reason: CloseReason): number {
    if (reason === 'shutdown') return Math.round(this.#random.fraction() * this.#settings.returnWindowMs)
    return reason === 'rotate' ? 0 : 1_000
  }

  /** For a publish that was refused for a time. */
  retryAfterMs(): number {
    return Math.round(1_000 + this.#random.fraction() * 4_000)
  }
}
