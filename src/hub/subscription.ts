import type { GapNotice } from '../protocol/control.js'
import { type TidingsEvent, decodeEnvelope } from '../protocol/event.js'
import type { Frame } from './frame.js'
import type { Outlet, OutletListener } from './outlet.js'

const capacity = 256

class Gap {
  readonly notice: GapNotice

  constructor(notice: GapNotice) {
    this.notice = notice
  }
}

/** A reader in this process (D9): an outlet that is an async iterator. It is pulled, so it holds at most a few events. */
export class Subscription implements Outlet, AsyncIterableIterator<TidingsEvent> {
  readonly transport = 'process'
  readonly hasUnsent = false
  readonly #onGap: ((gap: GapNotice) => void) | undefined
  readonly #receive: (event: TidingsEvent) => TidingsEvent | null
  readonly #onEnd: () => void
  #listener: OutletListener | null = null
  /** What waits to be taken, in order: a gap is told where it lies between events. */
  #events: (TidingsEvent | Gap)[] = []
  #taken = 0
  #waiting: { resolve(result: IteratorResult<TidingsEvent>): void; reject(error: unknown): void } | null = null
  #ended = false
  #failure: unknown

  /** `receive` gives an event as it is handed on, or null for one that is left out; `ended` hears of the end. */
  constructor(
    onGap: ((gap: GapNotice) => void) | undefined,
    receive: (event: TidingsEvent) => TidingsEvent | null,
    ended: () => void,
  ) {
    this.#onGap = onGap
    this.#receive = receive
    this.#onEnd = ended
  }

  listen(listener: OutletListener): void {
    this.#listener = listener
    if (this.#ended) queueMicrotask(() => listener.gone())
  }

  get full(): boolean {
    return this.#events.length >= capacity
  }
  get progress(): unknown {
    return this.#taken
  }

  push(frame: Frame): void {
    if (this.#ended) return
    if (frame.control?.name === 'gap' && this.#onGap) {
      const gap = frame.control.payload as GapNotice
      // Who waits has taken everything before it.
      if (this.#waiting) this.#onGap(gap)
      else this.#events.push(new Gap(gap))
    }
    if (frame.envelope === null) return
    const event = this.#receive(decodeEnvelope(frame.envelope))
    if (event === null) return
    if (this.#waiting) {
      this.#waiting.resolve({ value: event, done: false })
      this.#waiting = null
    } else this.#events.push(event)
  }

  flush(): void {}
  settled(): void {}

  end(): void {
    this.#ended = true
    this.#waiting?.resolve({ value: undefined, done: true })
    this.#waiting = null
    this.#onEnd()
    // One tick later: an iteration that ended before it was open must not find a half-made connection.
    queueMicrotask(() => this.#listener?.gone())
  }

  abort(): void {
    this.end()
  }

  /** Ends the iteration with an error: the reader could not be opened. */
  fail(error: unknown): void {
    this.#ended = true
    if (this.#waiting) this.#waiting.reject(error)
    else this.#failure = error
    this.#waiting = null
    this.#onEnd()
  }

  next(): Promise<IteratorResult<TidingsEvent>> {
    for (let event = this.#events.shift(); event; event = this.#events.shift()) {
      this.#taken++
      if (this.#events.length === capacity >> 1) queueMicrotask(() => this.#listener?.drained())
      if (!(event instanceof Gap)) return Promise.resolve({ value: event, done: false })
      this.#onGap?.(event.notice)
    }
    if (this.#failure !== undefined) {
      const error = this.#failure
      this.#failure = undefined
      return Promise.reject(error)
    }
    if (this.#ended) return Promise.resolve({ value: undefined, done: true })
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
    })
  }

  return(): Promise<IteratorResult<TidingsEvent>> {
    this.#events = []
    this.end()
    return Promise.resolve({ value: undefined, done: true })
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
