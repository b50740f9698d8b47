import type { Clock } from '../clock.js'
import type { RefusedRequest } from '../hub/activity-log.js'
import type { HubLog } from '../hub/log.js'

/** Refusals of one code after the first are told together, once in this time: whoever is refused may ask a thousand times. */
const quietMs = 10_000

/** A line about what was refused (O4). It names the code and the path, never the query, a header or a body. */
export class RefusalLog {
  readonly #log: HubLog | null
  readonly #clock: Clock
  readonly #codes = new Map<string, { toldMs: number; untold: number }>()

  constructor(log: HubLog | null, clock: Clock) {
    this.#log = log
    this.#clock = clock
  }

  refused({ method, path, code, status, field, limit }: RefusedRequest, requestId: string): void {
    if (!this.#log) return
    const nowMs = this.#clock.monotonic()
    const last = this.#codes.get(code)
    if (last && nowMs - last.toldMs < quietMs) {
      last.untold++
      return
    }
    this.#codes.set(code, { toldMs: nowMs, untold: 0 })
    const more = last && last.untold > 0 && { more: last.untold }
    const line = { request: requestId, method, path, status, code, field, limit, ...more }
    this.#log[status >= 500 ? 'warn' : 'info'](line, 'request refused')
  }
}
