/** When the next request to each host may start: politeness is decided in one place, whoever crawls and however many workers do. */
export class Pacing {
  readonly #delayMs: number
  readonly #now: () => number
  readonly #nextAt = new Map<string, number>()
  readonly #asked = new Map<string, number>()

  constructor(delayMs: number, now: () => number = () => performance.now()) {
    this.#delayMs = delayMs
    this.#now = now
  }

  /** What the host's robots.txt asks for. */
  asks(host: string, delayMs: number): void {
    if (delayMs > this.#delayMs) this.#asked.set(host, delayMs)
    else this.#asked.delete(host)
  }

  /** 0: take the request to `host` now, it has been noted. Else how many ms to wait before asking again. */
  take(host: string): number {
    const now = this.#now()
    const nextAt = this.#nextAt.get(host) ?? now
    if (nextAt > now) return nextAt - now
    // Entries of hosts that are not waited for any more say nothing.
    if (this.#nextAt.size > 1_000) for (const [name, at] of this.#nextAt) if (at <= now) this.#nextAt.delete(name)
    this.#nextAt.set(host, now + Math.max(this.#delayMs, this.#asked.get(host) ?? 0))
    return 0
  }
}
