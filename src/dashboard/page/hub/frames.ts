/** One block of a stream as it came: what stood between two empty lines. */
export interface Frame {
  /** Its lines as they were sent, without the empty one that closed it. */
  readonly raw: string
  readonly id: string | null
  readonly event: string | null
  readonly data: string | null
  readonly retryMs: number | null
  /** Nothing but comment lines. */
  readonly isComment: boolean
}

/** A stream that sends more than this without an empty line is not one of ours. */
const longestFrame = 4 * 1024 * 1024

/**
 * Cuts `text/event-stream` into its blocks and keeps each as it was sent, which a decoder does not: the point is to look at
 * the wire. Pieces may end anywhere.
 */
export class FrameReader {
  readonly #decoder = new TextDecoder('utf-8')
  readonly #found: (frame: Frame) => void
  #lines: string[] = []
  #rest = ''
  #length = 0
  #skipLineFeed = false

  constructor(found: (frame: Frame) => void) {
    this.#found = found
  }

  /** Throws RangeError on a block without an end. */
  push(bytes: Uint8Array): void {
    let text = this.#decoder.decode(bytes, { stream: true })
    if (text === '') return
    if (this.#skipLineFeed && text.startsWith('\n')) text = text.slice(1)
    this.#skipLineFeed = text.endsWith('\r')
    const lines = (this.#rest + text).split(/\r\n|\n|\r/)
    this.#rest = lines.pop() as string
    for (const line of lines) this.#take(line)
    if (this.#length + this.#rest.length > longestFrame)
      throw new RangeError('The stream sends a block without an end.')
  }

  #take(line: string): void {
    if (line !== '') {
      this.#lines.push(line)
      this.#length += line.length
      return
    }
    if (this.#lines.length > 0) this.#found(frameOf(this.#lines))
    this.#lines = []
    this.#length = 0
  }
}

function frameOf(lines: readonly string[]): Frame {
  const data: string[] = []
  const fields = new Map<string, string>()
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (name === 'data') data.push(value)
    else if (name !== '') fields.set(name, value)
  }
  const retry = fields.get('retry')
  return {
    raw: lines.join('\n'),
    id: fields.get('id') ?? null,
    event: fields.get('event') ?? null,
    data: data.length > 0 ? data.join('\n') : null,
    retryMs: retry !== undefined && /^\d+$/.test(retry) ? Number(retry) : null,
    isComment: lines.every((line) => line.startsWith(':')),
  }
}
