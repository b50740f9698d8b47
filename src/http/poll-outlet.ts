import type { Clock, Timer } from '../clock.js'
import type { EndOfTick } from '../hub/end-of-tick.js'
import type { Frame } from '../hub/frame.js'
import type { Outlet } from '../hub/outlet.js'
import type { GapNotice, SnapshotNotice } from '../protocol/control.js'

export interface PollResult {
  readonly envelopes: readonly string[]
  readonly gaps: readonly GapNotice[]
  readonly snapshots: readonly SnapshotNotice[]
}

export interface PollOutletOptions {
  readonly limit: number
  readonly maxBytes: number
  readonly waitMs: number
  readonly clock: Clock
  readonly endOfTick: EndOfTick
}

/**
 * One poll: a connection that ends with its first answer. It is answered when it has caught up with something to tell,
 * when its limit is reached, or when its wait is over.
 */
export class PollOutlet implements Outlet {
  readonly transport = 'poll'
  readonly progress = null
  readonly hasUnsent = false
  readonly #options: PollOutletOptions
  readonly #envelopes: string[] = []
  readonly #gaps: GapNotice[] = []
  readonly #snapshots: SnapshotNotice[] = []
  #characters = 0
  #settled = false
  #answering = false
  #done = false
  #answer: ((result: PollResult) => void) | null = null
  #timer: Timer | null = null

  constructor(options: PollOutletOptions) {
    this.#options = options
  }

  /** Nothing to tell: whoever answers the poll ends its connection. */
  listen(): void {}

  /** `answer` is called once, when the poll should be answered. */
  whenDone(answer: (result: PollResult) => void): void {
    this.#answer = answer
    if (this.#done) this.#give()
  }

  get full(): boolean {
    return this.#envelopes.length >= this.#options.limit || this.#characters >= this.#options.maxBytes
  }

  push(frame: Frame): void {
    if (frame.envelope !== null) {
      this.#envelopes.push(frame.envelope)
      this.#characters += frame.envelope.length
    } else if (frame.control?.name === 'gap') this.#gaps.push(frame.control.payload as GapNotice)
    else if (frame.control?.name === 'snapshot') this.#snapshots.push(frame.control.payload as SnapshotNotice)
    else return
    if (this.#settled || this.full) this.#answerSoon()
  }

  flush(): void {
    this.#answerSoon()
  }

  settled(): void {
    this.#settled = true
    const something = this.#envelopes.length + this.#gaps.length + this.#snapshots.length > 0
    if (something || this.#options.waitMs === 0) return this.#answerSoon()
    this.#timer ??= this.#options.clock.setTimer(() => this.#answerSoon(), this.#options.waitMs)
  }

  end(): void {
    this.#answerSoon()
  }

  abort(): void {
    this.end()
  }

  /** At the end of the tick: the connection's position is behind the last event only then. */
  #answerSoon(): void {
    if (this.#answering) return
    this.#answering = true
    this.#timer?.cancel()
    this.#options.endOfTick.addAlone({ flush: () => this.#give() })
  }

  #give(): void {
    this.#done = true
    this.#answer?.({ envelopes: this.#envelopes, gaps: this.#gaps, snapshots: this.#snapshots })
  }
}
