import { type Position, formatCursor } from '../protocol/cursor.js'
import type { ControlName, Controls } from '../protocol/control.js'
import { type TidingsEvent, encodeEnvelope } from '../protocol/event.js'
import { type SseBlock, encodeSse } from '../protocol/sse-encode.js'
import type { StoredEvent } from '../store/store.js'
import { shownOf } from './shown.js'

const encoder = new TextEncoder()
/** Node's sockets take a Buffer as it is and would wrap any other view anew at each write. */
const toBytes = (text: string): Uint8Array => (typeof Buffer === 'undefined' ? encoder.encode(text) : Buffer.from(text))

/** What one write puts on a connection: encoded at most once, shared by all readers who get the same bytes. */
export class Frame {
  /** The envelope's JSON where this is an event, for polls and in-process readers. */
  readonly envelope: string | null
  /** The control event, where it is one. */
  readonly control: { readonly name: ControlName; readonly payload: unknown } | null
  readonly #block: SseBlock
  #chunk: Uint8Array | null = null
  #headLength = 0

  private constructor(block: SseBlock, envelope: string | null, control: Frame['control']) {
    this.#block = block
    this.envelope = envelope
    this.control = control
  }

  static ofEvent(envelope: string, type: string, position: Position | null, named: boolean): Frame {
    const block = { id: position ? formatCursor(position) : undefined, event: named ? type : undefined, data: envelope }
    return new Frame(block, envelope, null)
  }

  static ofControl<Name extends ControlName>(
    name: Name,
    payload: Controls[Name],
    extra: { readonly id?: string; readonly retryMs?: number } = {},
  ): Frame {
    return new Frame({ ...extra, event: name, data: JSON.stringify(payload) }, null, { name, payload })
  }

  /** A block without an event: `retry:` or a comment. */
  static ofBlock(block: SseBlock): Frame {
    return new Frame(block, null, null)
  }

  /** The frame inside one chunk of HTTP/1.1 chunked coding (RFC 9112 § 7.1). */
  get chunk(): Uint8Array {
    if (this.#chunk) return this.#chunk
    const text = encodeSse(this.#block)
    const head = `${byteLength(text).toString(16)}\r\n`
    this.#headLength = head.length
    this.#chunk = toBytes(`${head}${text}\r\n`)
    return this.#chunk
  }

  /** The frame alone. */
  get bytes(): Uint8Array {
    const chunk = this.chunk
    return chunk.subarray(this.#headLength, chunk.length - 2)
  }
}

function byteLength(text: string): number {
  return typeof Buffer === 'undefined' ? encoder.encode(text).length : Buffer.byteLength(text)
}

/** What the ring keeps must stay small: readers of further sets of topics get a frame of their own. */
const mostFrames = 8

/** An event with its frames: one per set of matching topics and naming, nearly always one in all. */
export class EncodedEvent {
  readonly event: StoredEvent
  readonly position: Position | null
  /** To how many readers it was sent. */
  deliveries = 0
  /** Nearly every event has one frame; the others of one that has more are in the map. */
  #first: { readonly topics: readonly string[]; readonly named: boolean; readonly frame: Frame } | null = null
  #others: Map<string, Frame> | null = null
  #shown: { readonly topics: readonly string[]; readonly event: TidingsEvent } | null = null

  /** `position` null: a volatile event, which has no place in the log. */
  constructor(event: StoredEvent, position: Position | null) {
    this.event = event
    this.position = position
  }

  /** The frame for readers who receive the event by `topics`; `named` writes its type as `event:`. */
  frame(topics: readonly string[], named: boolean): Frame {
    const first = this.#first
    if (!first) {
      const frame = this.#encode(topics, named)
      this.#first = { topics, named, frame }
      return frame
    }
    if (named === first.named && isSame(topics, first.topics)) return first.frame
    const key = JSON.stringify([named, topics])
    const frame = this.#others?.get(key) ?? this.#encode(topics, named)
    this.#others ??= new Map()
    if (this.#others.size < mostFrames) this.#others.set(key, frame)
    return frame
  }

  /** What a filter is shown: parsed once for all readers who receive it by the same topics. */
  shown(topics: readonly string[]): TidingsEvent {
    if (this.#shown && isSame(topics, this.#shown.topics)) return this.#shown.event
    const event = shownOf(this.frame(topics, true).envelope as string)
    this.#shown = { topics, event }
    return event
  }

  #encode(topics: readonly string[], named: boolean): Frame {
    const content = this.position ? this.event : { ...this.event, seq: undefined }
    return Frame.ofEvent(encodeEnvelope(content, topics), this.event.type, this.position, named)
  }
}

function isSame(left: readonly string[], right: readonly string[]): boolean {
  return left === right || (left.length === right.length && left.every((topic, index) => topic === right[index]))
}
