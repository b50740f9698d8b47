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
    let text = this.#text.decode(bytes, { stream: true })
    // An empty part tells nothing about the next character.
    if (text === '') return
    if (text.charCodeAt(0) === this.#skip) text = text.slice(1)
    this.#skip = text.endsWith('\r') ? 10 : -1
    const lines = text.split(/\r\n?|\n/)
    const rest = lines.pop()
    for (const line of lines) {
      this.#take(this.#line + line)
      this.#line = ''
    }
    this.#line += rest
    if (this.#line.length + this.#data.length > maxEventCharacters) {
      throw new RangeError('An event of the stream is too long')
    }
  }

  #take(line: string): void {
    if (line === '') return this.#dispatch()
    // Always matches; of a comment the name is empty.
    const [, field, value = ''] = /^([^:]*):? ?(.*)/s.exec(line) ?? []
    if (field === 'data') {
      this.#data += this.#hasData ? `\n${value}` : value
      this.#hasData = true
    } else if (field === 'event') this.#event = value
    else if (field === 'id') {
      if (!value.includes('\0')) this.#idBuffer = value
    } else if (field === 'retry' && digits.test(value)) this.#handlers.onRetry?.(Number(value))
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
