import type { Clock } from '../clock.js'
import { TidingsError } from '../errors.js'
import type { Store } from '../store/store.js'

/** A store that says it is there and yet failed is asked again after this. */
const againMs = 200
/** A store on the network that has not answered a reader within this may be hanging: it has not said that it is away. */
const slowMs = 1_000

/** Whether this node reaches its store, since when it does not, and who waits for it (S5). */
export class StorePresence {
  readonly #store: Store
  readonly #clock: Clock
  readonly #waiting = new Set<() => void>()
  readonly #unwatch: (() => void) | null
  #awaySinceMs: number | null = null
  #wasThere: boolean
  #timesAway = 0

  /** `changed` hears of each change before those who wait do. */
  constructor(store: Store, clock: Clock, changed: (available: boolean) => void) {
    this.#store = store
    this.#clock = clock
    this.#wasThere = this.available
    if (!this.available) this.#goAway()
    this.#unwatch =
      store.availability?.watch((available) => {
        if (available === (this.#awaySinceMs === null)) return
        if (available) this.#comeBack(() => changed(true))
        else {
          this.#goAway()
          changed(false)
        }
      }) ?? null
  }

  /** Whether the store may go away at all: one in this process never does. */
  get remote(): boolean {
    return this.#store.availability !== undefined
  }
  get available(): boolean {
    return this.#store.availability?.available ?? true
  }
  /** In words for an operator, without secrets; null while it is there. */
  get reason(): string | null {
    return this.#store.availability?.reason ?? null
  }
  /** 0 while it is there. */
  get awayMs(): number {
    return this.#awaySinceMs === null ? 0 : this.#clock.monotonic() - this.#awaySinceMs
  }
  /** False from the start until the store was reached for the first time. */
  get wasThere(): boolean {
    return this.#wasThere
  }
  get timesAway(): number {
    return this.#timesAway
  }

  /** Whether this failure is one that passes when the store is back. */
  explains(error: unknown): boolean {
    return (
      this.remote &&
      error instanceof TidingsError &&
      (error.code === 'store_unavailable' || error.code === 'indeterminate')
    )
  }

  /** What the store answers, or `store_unavailable` where it takes so long that somebody should be told. */
  inTime<Answer>(work: Promise<Answer>): Promise<Answer> {
    return this.remote ? this.#inTime(work) : work
  }

  async #inTime<Answer>(work: Promise<Answer>): Promise<Answer> {
    let give!: (error: unknown) => void
    const late = new Promise<never>((_, reject) => {
      give = reject
    })
    const timer = this.#clock.setTimer(
      () => give(new TidingsError('store_unavailable', `The store has not answered for ${slowMs} ms.`)),
      slowMs,
    )
    try {
      return await Promise.race([work, late])
    } finally {
      timer.cancel()
    }
  }

  /** `over` resolves when it makes sense to try again, or at `stop`, after which nothing of the wait is left here. */
  untilBack(): { readonly over: Promise<void>; readonly stop: () => void } {
    let stop!: () => void
    const over = new Promise<void>((resolve) => {
      if (this.available) {
        const timer = this.#clock.setTimer(resolve, againMs)
        stop = () => {
          timer.cancel()
          resolve()
        }
      } else {
        this.#waiting.add(resolve)
        stop = () => {
          this.#waiting.delete(resolve)
          resolve()
        }
      }
    })
    return { over, stop }
  }

  close(): void {
    this.#unwatch?.()
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }

  #goAway(): void {
    this.#timesAway++
    this.#awaySinceMs = this.#clock.monotonic()
  }

  #comeBack(tell: () => void): void {
    this.#awaySinceMs = null
    this.#wasThere = true
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    tell()
    for (const resolve of waiting) resolve()
  }
}
