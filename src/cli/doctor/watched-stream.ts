import { type Timer, systemClock } from '../../clock.js'
import type { Bye, Hello } from '../../protocol/control.js'
import { mediaTypes } from '../../protocol/names.js'
import { createSseDecoder, type SseMessage } from '../../protocol/sse-decode.js'
import { type Line, type Opened, open, plainBody } from './exchange.js'

interface Arrival extends SseMessage {
  /** Since the stream was asked for. */
  readonly atMs: number
}

/** One stream, with the time at which each thing came. */
export class WatchedStream {
  readonly opened: Opened
  readonly arrivals: Arrival[] = []
  hello: Hello | null = null
  helloMs: number | null = null
  firstByteMs: number | null = null
  bye: Bye | null = null
  /** When it ended; null while it has not. */
  endedMs: number | null = null
  readonly #beganMs: number
  #waiting: (() => void)[] = []

  private constructor(opened: Opened, beganMs: number) {
    this.opened = opened
    this.#beganMs = beganMs
  }

  /** Resolves with the headers of the answer; rejects with the failure of the network, or where none come in time. */
  static async open(line: Line, address: string, timeoutMs: number): Promise<WatchedStream> {
    const beganMs = systemClock.monotonic()
    // As a browser asks.
    const headers = { Accept: `${mediaTypes.stream}, ${mediaTypes.problem}`, 'Accept-Encoding': 'gzip, br' }
    const stream = new WatchedStream(await open(line, address, { headers, timeoutMs }), beganMs)
    stream.#read()
    return stream
  }

  get ageMs(): number {
    return systemClock.monotonic() - this.#beganMs
  }

  /** Waits until something is so, at most until the stream is `limitMs` old. */
  async until(isSo: () => boolean, limitMs: number): Promise<boolean> {
    while (!isSo()) {
      const leftMs = limitMs - this.ageMs
      if (leftMs <= 0 || this.endedMs !== null) return isSo()
      await new Promise<void>((resolve) => {
        const timer: Timer = systemClock.setTimer(resolve, leftMs, { keepsProcess: true })
        this.#waiting.push(() => {
          timer.cancel()
          resolve()
        })
      })
    }
    return true
  }

  close(): void {
    this.opened.close()
  }

  #read(): void {
    const decoder = createSseDecoder(
      { onMessage: (message) => this.#take(message), onId: () => {}, onRetry: () => {} },
      '',
    )
    const body = plainBody(this.opened.message)
    body.on('data', (bytes: Buffer) => {
      this.firstByteMs ??= this.ageMs
      decoder.push(bytes)
      this.#wake()
    })
    const end = (): void => {
      this.endedMs ??= this.ageMs
      this.#wake()
    }
    for (const name of ['end', 'error', 'close']) body.on(name, end)
    this.opened.message.on('close', end)
    this.opened.message.on('error', end)
  }

  #take(message: SseMessage): void {
    const atMs = this.ageMs
    if (message.event === 'hello') {
      this.hello = JSON.parse(message.data) as Hello
      this.helloMs = atMs
    } else if (message.event === 'bye') this.bye = JSON.parse(message.data) as Bye
    this.arrivals.push({ ...message, atMs })
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }
}
