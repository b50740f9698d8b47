import type { ServerResponse } from 'node:http'
import type { HubCore } from '../hub/hub.js'
import { StallWatch } from '../hub/stall-watch.js'
import { progressOf } from './socket-progress.js'

/** Of all answers together that wait for those who asked and do not read. */
const mostBytes = 64 * 1024 * 1024
const quietMs = 60_000

/**
 * Answers that the operating system did not take at once, because the other end reads slowly or not at all. Nothing else
 * bounds them: 3,000 sockets that asked for a file and read none of it kept 900 MB. Who takes no byte for `slowConsumerMs`
 * is cut, as streams are (D6); where too much waits, the one that waits for longest.
 */
export class UnreadAnswers {
  readonly #core: Pick<HubCore, 'wheel' | 'clock' | 'settings' | 'log'>
  readonly #mostBytes: number
  /** What each had to wait with, the eldest first. */
  readonly #waiting = new Map<ServerResponse, number>()
  #bytes = 0
  #cut = 0
  #toldMs = Number.NEGATIVE_INFINITY

  constructor(core: Pick<HubCore, 'wheel' | 'clock' | 'settings' | 'log'>, most = mostBytes) {
    this.#core = core
    this.#mostBytes = most
  }

  /** `response` has been ended. Nearly always all of it is gone by now, and this costs nothing. */
  watch(response: ServerResponse): void {
    const { writableLength, socket } = response
    if (!writableLength || !socket) return
    const { wheel, clock, settings } = this.#core
    this.#waiting.set(response, writableLength)
    this.#bytes += writableLength
    response.once('close', () => this.#forget(response))
    const waits = {
      get hasUnsent() {
        return !response.writableFinished && !socket.destroyed
      },
      get progress() {
        return progressOf(socket)
      },
    }
    new StallWatch(waits, wheel, clock, settings.slowConsumerMs, () => this.#end(response)).begin()
    for (const eldest of this.#waiting.keys()) {
      if (this.#bytes <= this.#mostBytes || this.#waiting.size === 1) break
      this.#end(eldest)
    }
  }

  #end(response: ServerResponse): void {
    this.#forget(response)
    response.destroy()
    this.#cut++
    const nowMs = this.#core.clock.monotonic()
    if (nowMs - this.#toldMs < quietMs) return
    this.#core.log?.warn({ cut: this.#cut }, 'answers that nobody read were cut')
    this.#toldMs = nowMs
    this.#cut = 0
  }

  #forget(response: ServerResponse): void {
    this.#bytes -= this.#waiting.get(response) ?? 0
    this.#waiting.delete(response)
  }
}
