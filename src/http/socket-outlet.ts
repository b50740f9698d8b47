import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { EndOfTick } from '../hub/end-of-tick.js'
import type { Frame } from '../hub/frame.js'
import type { Outlet, OutletListener } from '../hub/outlet.js'
import type { FrameJoiner } from './frame-joiner.js'

/** How much of a socket's queue the operating system has not taken yet. Node offers it to nobody, but counts it. */
type CountingHandle = { readonly writeQueueSize?: number }

/**
 * A stream on a Node socket. The head goes through the response object; frames go past it, to the socket, chunk framing
 * included: one shared Buffer for all readers and one write per connection and tick (−37 % CPU against `response.write`).
 */
export class SocketOutlet implements Outlet {
  readonly transport = 'sse'
  readonly #response: ServerResponse
  readonly #headers: Readonly<Record<string, string>>
  readonly #listener: OutletListener
  readonly #endOfTick: EndOfTick
  readonly #joiner: FrameJoiner
  readonly #unsentBytes: number
  readonly #onDrain = (): void => this.#tellIfDrained()
  #socket: Socket | null = null
  #frames: Frame[] = []
  #pendingBytes = 0
  #wasFull = false
  #done = false

  constructor(
    response: ServerResponse,
    headers: Readonly<Record<string, string>>,
    listener: OutletListener,
    shared: { readonly endOfTick: EndOfTick; readonly joiner: FrameJoiner; readonly unsentBytes: number },
  ) {
    this.#response = response
    this.#headers = headers
    this.#listener = listener
    this.#endOfTick = shared.endOfTick
    this.#joiner = shared.joiner
    this.#unsentBytes = shared.unsentBytes
    // Of the response, not the request: that one closes when its body has been read.
    response.on('close', () => this.#gone())
    if (response.destroyed || response.socket?.destroyed) queueMicrotask(() => this.#gone())
  }

  get full(): boolean {
    const full = this.#pendingBytes + (this.#socket?.writableLength ?? 0) > this.#unsentBytes
    if (full) this.#wasFull = true
    return full
  }

  get progress(): unknown {
    const socket = this.#socket as (Socket & { readonly _handle?: CountingHandle | null }) | null
    // Written less waiting is what has left whole; what is left of the write under way is counted by the handle.
    return socket ? `${socket.bytesWritten - socket.writableLength}:${socket._handle?.writeQueueSize}` : null
  }

  get hasUnsent(): boolean {
    return this.#pendingBytes + (this.#socket?.writableLength ?? 0) > 0
  }

  push(frame: Frame): void {
    if (this.#done) return
    if (this.#frames.push(frame) === 1) this.#endOfTick.add(() => this.flush())
    this.#pendingBytes += frame.chunk.length
  }

  flush(): void {
    if (this.#frames.length === 0 || this.#done) return
    const socket = this.#socket ?? this.#begin()
    const frames = this.#frames
    this.#frames = []
    this.#pendingBytes = 0
    const chunked = this.#response.chunkedEncoding
    // A pipelined response has no socket before its turn, HTTP/1.0 no chunks: the response object knows what to do.
    if (!socket || !chunked) for (const frame of frames) this.#response.write(frame.bytes)
    else socket.write(this.#joiner.join(frames))
    // A write that the operating system takes at once is followed by no 'drain'.
    this.#tellIfDrained()
  }

  settled(): void {}

  end(): void {
    this.flush()
    if (this.#done) return
    this.#release()
    this.#response.end()
  }

  abort(): void {
    this.#release()
    this.#response.destroy()
  }

  #tellIfDrained(): void {
    if (!this.#wasFull || this.full) return
    this.#wasFull = false
    this.#listener.drained()
  }

  #begin(): Socket | null {
    this.#response.writeHead(200, this.#headers)
    this.#response.flushHeaders()
    const { socket } = this.#response
    if (!socket) return null
    this.#socket = socket
    socket.on('drain', this.#onDrain)
    return socket
  }

  #release(): void {
    this.#done = true
    this.#frames = []
    this.#socket?.off('drain', this.#onDrain)
  }

  #gone(): void {
    this.#release()
    this.#listener.gone()
  }
}
