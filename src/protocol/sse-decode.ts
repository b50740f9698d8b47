/** One dispatched event of a stream. */
export interface SseMessage {
  /** `message` where the stream named none. */
  readonly event: string
  readonly data: string
  /** The last id seen, also on an earlier event. */
  readonly lastEventId: string
}

export interface SseDecoderHandlers {
  onMessage(message: SseMessage): void
  /** A legal `retry:` field, in ms, not clamped. */
  onRetry?(retryMs: number): void
  /** The id buffer was committed at a blank line, with or without data. */
  onId?(lastEventId: string): void
}

/** A stream that sends more than this in one event is not one of ours. */
const maxEventCharacters = 4 * 1024 * 1024
const digits = /^[0-9]+$/

/**
 * Reads `text/event-stream` by the rules of WHATWG HTML § 9.2.6. Bytes may be cut anywhere: inside a character, the byte
 * order mark or a CRLF. A lone CR ends its line at once, without waiting to see whether an LF follows: a reader that waits
 * stalls by one event on streams that end lines with CR.
 */
export class SseDecoder {
  readonly #handlers: SseDecoderHandlers
  // The mark at the beginning is taken off here: Node 24 takes off a second one too where the first came in two pieces.
  readonly #text = new TextDecoder('utf-8', { ignoreBOM: true })
  #line = ''
  /** The character that is left out if it comes next: at first the byte order mark, then an LF whose CR ended a line. */
  #skip = 0xfeff
  #data = ''
  #hasData = false
  #event = ''
  #idBuffer: string
  #lastEventId: string

  /** `lastEventId`: what an earlier connection of the same reader had seen. */
  constructor(handlers: SseDecoderHandlers, lastEventId = '') {
    this.#handlers = handlers
    this.#idBuffer = lastEventId
    this.#lastEventId = lastEventId
  }

  /** Takes the next bytes and calls the handlers for all that they complete. Throws RangeError on an endless event. */
  push(bytes: Uint8Array): void {
    const text = this.#text.decode(bytes, { stream: true })
    let start = 0
    if (text.length > 0) {
      if (text.charCodeAt(0) === this.#skip) start = 1
      this.#skip = -1
    }
    for (let at = start; at < text.length; at++) {
      const code = text.charCodeAt(at)
      if (code !== 10 && code !== 13) continue
      const line = this.#line + text.slice(start, at)
      this.#line = ''
      if (code === 13) {
        if (at + 1 === text.length) this.#skip = 10
        else if (text.charCodeAt(at + 1) === 10) at++
      }
      start = at + 1
      this.#take(line)
    }
    this.#line += text.slice(start)
    if (this.#line.length + this.#data.length > maxEventCharacters) {
      throw new RangeError('An event of the stream is too long')
    }
  }

  #take(line: string): void {
    if (line === '') return this.#dispatch()
    const colon = line.indexOf(':')
    if (colon === 0) return
    const field = colon < 0 ? line : line.slice(0, colon)
    let value = colon < 0 ? '' : line.slice(colon + 1)
    if (value.charCodeAt(0) === 32) value = value.slice(1)
    if (field === 'data') {
      this.#data += this.#hasData ? `\n${value}` : value
      this.#hasData = true
    } else if (field === 'event') this.#event = value
    else if (field === 'id') {
      if (!value.includes('\0')) this.#idBuffer = value
    } else if (field === 'retry' && digits.test(value)) this.#handlers.onRetry?.(Number.parseInt(value, 10))
  }

  #dispatch(): void {
    if (this.#lastEventId !== this.#idBuffer) {
      this.#lastEventId = this.#idBuffer
      this.#handlers.onId?.(this.#lastEventId)
    }
    const message = { event: this.#event || 'message', data: this.#data, lastEventId: this.#lastEventId }
    const whole = this.#hasData
    this.#data = ''
    this.#hasData = false
    this.#event = ''
    if (whole) this.#handlers.onMessage(message)
  }
}
