export interface Quantiles {
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/** Each bucket reaches 2 % further than the one before it, so that its middle is within 1 % of all that is in it. */
const step = Math.log(1.02)
const shortestMs = 0.01

/** Durations (ms), millions of them in a few kilobytes: quantiles to one part in a hundred, the longest exactly. */
export class Times {
  readonly #counts: number[] = []
  #count = 0
  #longestMs = 0

  add(ms: number): void {
    const bucket = Math.max(0, Math.floor(Math.log(ms / shortestMs) / step))
    while (this.#counts.length <= bucket) this.#counts.push(0)
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1
    this.#count++
    this.#longestMs = Math.max(this.#longestMs, ms)
  }

  get count(): number {
    return this.#count
  }

  /** Null: nothing was timed. */
  get quantiles(): Quantiles | null {
    if (this.#count === 0) return null
    return { p50: round(this.#at(0.5)), p99: round(this.#at(0.99)), max: round(this.#longestMs) }
  }

  #at(share: number): number {
    let left = Math.ceil(this.#count * share)
    for (const [bucket, count] of this.#counts.entries()) {
      left -= count
      if (left <= 0) return Math.min(this.#longestMs, shortestMs * Math.exp((bucket + 0.5) * step))
    }
    return this.#longestMs
  }
}

const round = (ms: number): number => Math.round(ms * 100) / 100
