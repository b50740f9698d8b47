import type { ServerResponse } from 'node:http'
import { constants, createGzip } from 'node:zlib'
import type { Counters } from '../hub/counters.js'
import type { EndOfTick } from '../hub/end-of-tick.js'
import type { Frame } from '../hub/frame.js'
import type { Outlet, OutletListener } from '../hub/outlet.js'
import { encodedHeaders } from './encoding.js'

export interface GzipOutletParts {
  readonly endOfTick: EndOfTick
  readonly unsentBytes: number
  readonly counters: Counters
}

/** 48 kB for each stream, in place of 264: events are alike, and the last 8 kB are enough to tell. */
const gzipOptions = { flush: constants.Z_SYNC_FLUSH, windowBits: 13, memLevel: 5, level: 4 }

/**
 * A stream that is compressed, for readers on thin lines; only where it was asked for (H8). Each reader has a compressor of
 * its own, which is flushed at each write, so nothing waits in it.
 */
export class GzipOutlet implements Outlet {
  readonly transport = 'sse'
  readonly #response: ServerResponse
  readonly #headers: Readonly<Record<string, string>>
  readonly #parts: GzipOutletParts
  readonly #gzip = createGzip(gzipOptions)
  #listener: OutletListener | null = null
  #frames: Frame[] = []
  #pendingBytes = 0
  #begun = false
  #wasFull = false
  #done = false

  constructor(response: ServerResponse, headers: Readonly<Record<string, string>>, parts: GzipOutletParts) {
    this.#response = response
    this.#headers = headers
    this.#parts = parts
    this.#gzip.on('data', (bytes: Uint8Array) => {
      if (!response.destroyed) response.write(bytes)
      parts.counters.streamBytes += bytes.length
      this.#tellIfDrained()
    })
    this.#gzip.on('drain', () => this.#tellIfDrained())
    this.#gzip.on('end', () => response.end())
    // 'close' follows.
    this.#gzip.on('error', () => response.destroy())
    response.on('drain', () => this.#tellIfDrained())
    response.on('close', () => this.#gone())
    if (response.destroyed || response.socket?.destroyed) queueMicrotask(() => this.#gone())
  }

  listen(listener: OutletListener): void {
    this.#listener = listener
  }

  get full(): boolean {
    const full = this.unsentBytes > this.#parts.unsentBytes
    if (full) this.#wasFull = true
    return full
  }

  get progress(): unknown {
    const { socket } = this.#response
    return `${this.#gzip.bytesWritten}:${socket ? socket.bytesWritten - socket.writableLength : 0}`
  }

  get hasUnsent(): boolean {
    return this.unsentBytes > 0
  }

  get unsentBytes(): number {
    return this.#pendingBytes + this.#gzip.writableLength + this.#gzip.readableLength + this.#response.writableLength
  }

  push(frame: Frame): void {
    if (this.#done) return
    if (this.#frames.push(frame) === 1) this.#parts.endOfTick.add(this)
    this.#pendingBytes += frame.bytes.length
  }

  flush(): void {
    if (this.#frames.length === 0 || this.#done) return
    if (!this.#begun) {
      this.#begun = true
      this.#response.writeHead(200, encodedHeaders(this.#headers, 'gzip'))
    }
    const frames = this.#frames
    this.#frames = []
    this.#pendingBytes = 0
    this.#gzip.write(frames.length === 1 ? frames[0]?.bytes : Buffer.concat(frames.map(({ bytes }) => bytes)))
    this.#tellIfDrained()
  }

  settled(): void {}

  end(): void {
    this.flush()
    if (this.#done) return
    this.#done = true
    this.#gzip.end()
  }

  abort(): void {
    this.#done = true
    this.#response.destroy()
  }

  #tellIfDrained(): void {
    if (!this.#wasFull || this.full) return
    this.#wasFull = false
    this.#listener?.drained()
  }

  #gone(): void {
    this.#done = true
    this.#frames = []
    this.#gzip.destroy()
    this.#listener?.gone()
  }
}
