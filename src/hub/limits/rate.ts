import type { LimitRate } from './settings.js'

/** Beyond this, keys that were not asked about for longest are forgotten early: memory stays bounded against a flood of them. */
const mostKeys = 100_000

/**
 * How often something may happen for each of many keys: `perSecond` on average, `burst` at once. One number per key: the
 * moment at which all it was lent is paid back (the generic cell rate algorithm). rate-limiter-flexible in memory was tried:
 * it keeps a timer for each key and costs four times as much (1.1 µs for four keys against 0.25).
 */
export class RateByKey {
  readonly #stepMs: number
  readonly #lentMs: number
  /** A key that was left alone for this long is as good as new. */
  readonly #lifeMs: number
  #turnedMs = 0
  #young = new Map<string, number>()
  #old = new Map<string, number>()

  constructor({ perSecond, burst }: LimitRate) {
    this.#stepMs = 1_000 / perSecond
    this.#lentMs = (burst - 1) * this.#stepMs
    this.#lifeMs = Math.max(1_000, burst * this.#stepMs)
  }

  get keys(): number {
    return this.#young.size + this.#old.size
  }

  /** Counts one and returns 0; or counts nothing and returns after how many ms one more would be taken. */
  take(key: string, nowMs: number): number {
    this.forget(nowMs)
    const paidMs = Math.max(this.#young.get(key) ?? this.#old.get(key) ?? nowMs, nowMs)
    const overMs = paidMs - nowMs - this.#lentMs
    // Sums of fractions are never quite what they should be.
    if (overMs > 1e-6) return Math.max(1, Math.ceil(overMs))
    this.#young.set(key, paidMs + this.#stepMs)
    return 0
  }

  forget(nowMs: number): void {
    const ageMs = nowMs - this.#turnedMs
    if (ageMs < this.#lifeMs && this.#young.size < mostKeys / 2) return
    this.#old = ageMs < 2 * this.#lifeMs ? this.#young : new Map()
    this.#young = new Map()
    this.#turnedMs = nowMs
  }
}
