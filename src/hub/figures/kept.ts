import type { Clock } from '../../clock.js'
import type { Kept, KeptByAll, Store } from '../../store/store.js'

/** A sample serves every scrape for so long. */
const freshMs = 5_000
/** A scrape, or somebody who looks, does not wait longer for a store. */
const patienceMs = 1_000

/** Asks the store how much it keeps (O3): seldom, and never for long. What it cannot tell now is null, not a figure of before. */
export class KeptSamples {
  readonly #store: Store
  readonly #clock: Clock
  #sample: { readonly atMs: number; readonly kept: Promise<KeptByAll | null> } | null = null

  constructor(store: Store, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  of(namespace: string): Promise<Kept | null> {
    return this.#patiently(this.#store.holdings?.of(namespace))
  }

  /** Of all namespaces of the store, so the same on every node. */
  ofAll(): Promise<KeptByAll | null> {
    const nowMs = this.#clock.monotonic()
    if (!this.#sample || nowMs - this.#sample.atMs >= freshMs) {
      const kept = this.#patiently(this.#store.holdings?.ofAll({ maxAgeMs: freshMs }))
      const sample = { atMs: nowMs, kept }
      this.#sample = sample
      // A store that comes back is asked at the next scrape.
      void kept.then((found) => {
        if (!found && this.#sample === sample) this.#sample = null
      })
    }
    return this.#sample.kept
  }

  #patiently<Answer>(asked: Promise<Answer> | undefined): Promise<Answer | null> {
    if (!asked) return Promise.resolve(null)
    return new Promise((resolve) => {
      const timer = this.#clock.setTimer(() => resolve(null), patienceMs)
      const settle = (answer: Answer | null): void => {
        timer.cancel()
        resolve(answer)
      }
      // That the store is away is told by metrics of its own.
      asked.then(settle, () => settle(null))
    })
  }
}
