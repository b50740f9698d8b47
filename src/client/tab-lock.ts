import type { Access } from './sse.js'

export interface LockListener {
  /** The lock is this tab's. */
  lead(): void
  /** It was taken away. */
  resign(): void
}

/** While the lock was looked up this lately, it is taken for held. */
const sureForMs = 1_000

/**
 * The lock by which one of several tabs leads, and the one by which each shows that it lives: the browser lets go of both
 * when a tab is closed or crashes, so nobody has to beat by a timer.
 */
export class TabLock {
  readonly #name: string
  readonly #tab: string
  readonly #listener: LockListener
  readonly #locks = globalThis.navigator.locks
  /** Ends the membership of this tab. */
  #inside = new AbortController()
  /** Ends its place in the queue, or its leading. */
  #waiting = new AbortController()
  #clientId: string | undefined
  #held = false

  constructor(name: string, tab: string, listener: LockListener) {
    this.#name = name
    this.#tab = tab
    this.#listener = listener
  }

  /** Resolves when other tabs can see that this one lives. */
  enter(): Promise<void> {
    this.#inside = new AbortController()
    const { signal } = this.#inside
    return new Promise((resolve) => {
      const hold = (): Promise<void> => {
        resolve()
        return until(signal)
      }
      this.#request(lifeOf(this.#name, this.#tab), {}, hold)
    })
  }

  /** Leads as soon as nobody else does. */
  queue(): void {
    this.#waiting = new AbortController()
    const { signal } = this.#waiting
    this.#request(this.#name, { signal }, () => this.#lead(signal))
  }

  /** Leads now. */
  steal(): void {
    this.#waiting.abort()
    this.#waiting = new AbortController()
    const { signal } = this.#waiting
    this.#request(this.#name, { steal: true }, () => this.#lead(signal))
  }

  leave(): void {
    this.#waiting.abort()
    this.#inside.abort()
  }

  /** Calls `gone` when that tab is no more, as long as this one leads. */
  whenGone(tab: string, gone: () => void): void {
    const { signal } = this.#waiting
    this.#request(lifeOf(this.#name, tab), { signal }, async () => {
      if (!signal.aborted) gone()
    })
  }

  /**
   * A tab that slept may have lost the lock and not know it: before it reads on after a silence it looks, and what came
   * for it meanwhile stays unread.
   */
  guard({ fetch = globalThis.fetch, clock }: Access): typeof globalThis.fetch {
    return async (input, init) => {
      const response = await fetch(input, init)
      if (!response.body) return response
      let sureAt = clock.monotonic()
      const gate = new TransformStream<Uint8Array, Uint8Array>({
        transform: async (chunk, controller) => {
          if (clock.monotonic() - sureAt > sureForMs && !(await this.#isHeld())) throw new Error('Another tab leads.')
          sureAt = clock.monotonic()
          controller.enqueue(chunk)
        },
      })
      const { status, statusText, headers } = response
      return new Response(response.body.pipeThrough(gate), { status, statusText, headers })
    }
  }

  async #lead(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    this.#held = true
    const { held = [] } = await this.#locks.query()
    this.#clientId = held.find(({ name }) => name === this.#name)?.clientId
    if (!signal.aborted) this.#listener.lead()
    await until(signal)
    this.#held = false
  }

  async #isHeld(): Promise<boolean> {
    const { held = [] } = await this.#locks.query()
    const mine = held.some(({ name, clientId }) => name === this.#name && clientId === this.#clientId)
    if (!mine && this.#held) this.lost()
    return mine
  }

  /** Taken away: back into the queue. */
  lost(): void {
    this.#held = false
    if (this.#waiting.signal.aborted) return
    this.#waiting.abort()
    this.#listener.resign()
    this.queue()
  }

  #request(name: string, options: LockOptions, hold: () => Promise<void>): void {
    this.#locks.request(name, options, hold).catch(() => {
      // Given up by ourselves, or stolen by a tab that heard nothing from us.
      if (this.#held && name === this.#name) this.lost()
    })
  }
}

const lifeOf = (name: string, tab: string): string => `${name} ${tab}`

const until = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
