import type { Incoming } from '../auth/incoming.js'
import type { Counters } from '../hub/counters.js'
import type { EndOfTick } from '../hub/end-of-tick.js'
import type { Frame } from '../hub/frame.js'
import type { Outlet, OutletListener } from '../hub/outlet.js'

/** A stream as the body of a `Response`, for every runtime that has one. Its back-pressure is the stream's own. */
export class BodyOutlet implements Outlet {
  readonly transport = 'sse'
  readonly stream: ReadableStream<Uint8Array>
  readonly #endOfTick: EndOfTick
  #listener: OutletListener | null = null
  readonly #unsentBytes: number
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null
  #pending: Uint8Array[] = []
  #pendingBytes = 0
  #enqueuedBytes = 0
  #wasFull = false
  #stopListening: (() => void) | null = null

  readonly #counters: Counters

  constructor(endOfTick: EndOfTick, unsentBytes: number, counters: Counters) {
    this.#endOfTick = endOfTick
    this.#counters = counters
    this.#unsentBytes = unsentBytes
    this.stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller
        },
        pull: () => this.#tellIfDrained(),
        cancel: () => this.#gone(),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: unsentBytes }),
    )
  }

  listen(listener: OutletListener): void {
    this.#listener = listener
  }

  /** Lets go of the reader when its request is aborted. */
  endWith(request: Incoming): void {
    // One turn later: the connection may not be made yet.
    this.#stopListening = request.whenGone(() => queueMicrotask(() => this.abort()))
  }

  get full(): boolean {
    const full = (this.#controller?.desiredSize ?? 0) - this.#pendingBytes <= 0
    if (full) this.#wasFull = true
    return full
  }

  get progress(): unknown {
    return this.#enqueuedBytes - this.#queuedBytes
  }

  get hasUnsent(): boolean {
    return this.#pendingBytes + this.#queuedBytes > 0
  }

  get #queuedBytes(): number {
    return this.#controller ? this.#unsentBytes - (this.#controller.desiredSize ?? 0) : 0
  }

  push(frame: Frame): void {
    if (!this.#controller) return
    if (this.#pending.push(frame.bytes) === 1) this.#endOfTick.add(this)
    this.#pendingBytes += frame.bytes.length
  }

  flush(): void {
    if (this.#pending.length === 0) return
    const bytes = joined(this.#pending, this.#pendingBytes)
    this.#pending = []
    this.#pendingBytes = 0
    this.#enqueuedBytes += bytes.length
    this.#counters.streamBytes += bytes.length
    this.#controller?.enqueue(bytes)
    this.#tellIfDrained()
  }

  settled(): void {}

  end(): void {
    this.flush()
    const controller = this.#controller
    this.#gone()
    controller?.close()
  }

  abort(): void {
    const controller = this.#controller
    this.#gone()
    controller?.error(new Error('The hub let go of a reader that took nothing.'))
  }

  #tellIfDrained(): void {
    if (!this.#wasFull || this.full) return
    this.#wasFull = false
    this.#listener?.drained()
  }

  #gone(): void {
    if (!this.#controller) return
    this.#controller = null
    this.#pending = []
    this.#stopListening?.()
    this.#stopListening = null
    this.#listener?.gone()
  }
}

/** A copy always: whoever reads a stream of bytes may take its buffer away, and frames are shared. */
function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
