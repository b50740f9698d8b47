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
  onId?(lastEventId: string): unknown
}

/** A stream that sends more than this in one event is not one of ours. */
const maxEventCharacters = 4 * 1024 * 1024

/** Reads one stream. */
export interface SseDecoder {
  /** Takes the next bytes and calls the handlers for all that they complete. Throws RangeError on an endless event. */
  push(bytes: Uint8Array): void
}

/**
 * Reads `text/event-stream` by the rules of WHATWG HTML § 9.2.6. Bytes may be cut anywhere: inside a character, the byte
 * order mark or a CRLF. A lone CR ends its line at once, without waiting to see whether an LF follows: a reader that waits
 * stalls by one event on streams that end lines with CR. `lastEventId`: what an earlier connection of the same reader had
 * seen. No class, because its private members would weigh a hundredth of the client (C9).
 */
export function createSseDecoder({ onMessage, onRetry, onId }: SseDecoderHandlers, lastEventId = ''): SseDecoder {
  // The mark at the beginning is taken off here: Node 24 takes off a second one too where the first came in two pieces.
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  /** The character that is left out if it comes next: at first the byte order mark, then an LF whose CR ended a line. */
  let skip = '\ufeff'
  let rest = ''
  /** Each line with its end, so that one empty line is told from none. */
  let data = ''
  let event = ''
  let idBuffer = lastEventId

  const take = (line: string): void => {
    // Always matches; of a comment the name is empty.
    const [, field, value] = /^([^:]*):? ?(.*)/s.exec(line) as unknown as [string, string, string]
    if (line === '') dispatch()
    else if (field === 'data') data += `${value}\n`
    else if (field === 'event') event = value
    else if (field === 'id') {
      if (!value.includes('\0')) idBuffer = value
    } else if (field === 'retry' && /^\d+$/.test(value)) onRetry?.(Number(value))
  }

  const dispatch = (): void => {
    if (lastEventId !== idBuffer) {
      lastEventId = idBuffer
      onId?.(lastEventId)
    }
    const [lines, name] = [data, event]
    data = event = ''
    if (lines) onMessage({ event: name || 'message', data: lines.slice(0, -1), lastEventId })
  }

  return {
    push(bytes) {
      let text = decoder.decode(bytes, { stream: true })
      // An empty part tells nothing about the next character.
      if (text === '') return
      if (text[0] === skip) text = text.slice(1)
      skip = text.endsWith('\r') ? '\n' : ''
      const lines = text.split(/\r\n?|\n/)
      const last = lines.pop()
      for (const line of lines) {
        take(rest + line)
        rest = ''
      }
      rest += last
      if (rest.length + data.length > maxEventCharacters) throw new RangeError('An event is too long.')
    },
  }
}
