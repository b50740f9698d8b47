import type { Clock, Timer } from '../clock.js'
import type { RefusedRequest } from '../hub/activity-log.js'
import type { HubLog } from '../hub/log.js'

/** Refusals of one code after the first are told together, once in this time: whoever is refused may ask a thousand times. */
const quietMs = 10_000

interface Told {
  readonly status: number
  /** When the last line about this code was written. */
  readonly atMs: number
  /** Refusals since then. */
  untold: number
}

/** A line about what was refused (O4). It names the code and the path, never the query, a header or a body. */
export class RefusalLog {
  readonly #log: HubLog | null
  readonly #clock: Clock
  readonly #codes = new Map<string, Told>()
  /** One for all codes; it runs while there is something untold. */
  #timer: Timer | null = null
  #closed = false

  constructor(log: HubLog | null, clock: Clock) {
    this.#log = log
    this.#clock = clock
  }

  refused({ method, path, code, status, field, limit }: RefusedRequest, requestId: string): void {
    if (!this.#log) return
    const nowMs = this.#clock.monotonic()
    const last = this.#codes.get(code)
    if (last && nowMs - last.atMs < quietMs) {
      last.untold++
      this.#wake(last.atMs + quietMs - nowMs)
      return
    }
    if (last) this.#tellSum(code, last)
    this.#codes.set(code, { status, atMs: nowMs, untold: 0 })
    this.#log[levelOf(status)]({ request: requestId, method, path, status, code, field, limit }, 'request refused')
  }

  /** Tells what has not been told. */
  close(): void {
    this.#closed = true
    this.#timer?.cancel()
    for (const [code, told] of this.#codes) this.#tellSum(code, told)
  }

  #wake(inMs: number): void {
    if (this.#closed) return
    this.#timer ??= this.#clock.setTimer(() => this.#tellDue(), inMs)
  }

  #tellDue(): void {
    this.#timer = null
    const nowMs = this.#clock.monotonic()
    let nextMs = Infinity
    for (const [code, told] of this.#codes) {
      if (told.untold === 0) continue
      if (nowMs - told.atMs >= quietMs) this.#tellSum(code, told)
      else nextMs = Math.min(nextMs, told.atMs + quietMs - nowMs)
    }
    if (nextMs < Infinity) this.#wake(nextMs)
  }

  #tellSum(code: string, { status, untold }: Told): void {
    if (untold === 0) return
    this.#codes.set(code, { status, atMs: this.#clock.monotonic(), untold: 0 })
    this.#log?.[levelOf(status)]({ status, code, more: untold }, 'requests refused')
  }
}

const levelOf = (status: number): 'warn' | 'info' => (status >= 500 ? 'warn' : 'info')
