import { type Position, formatCursor } from '../protocol/cursor.js'
import { Frame } from './frame.js'
import type { StorePresence } from './store-presence.js'

/** Pings (H2). The last one is kept: readers who have caught up are all told the same. */
export class Pings {
  readonly #presence: StorePresence
  #last: { readonly cursor: string | null; readonly degraded: boolean; readonly frame: Frame } | null = null

  constructor(presence: StorePresence) {
    this.#presence = presence
  }

  /** Null: the position is not known yet. */
  frame(position: Position | null): Frame {
    const cursor = position && formatCursor(position)
    const degraded = !this.#presence.available
    if (this.#last?.cursor === cursor && this.#last.degraded === degraded) return this.#last.frame
    const frame =
      cursor === null
        ? Frame.ofControl('ping', { degraded })
        : Frame.ofControl('ping', { cursor, degraded }, { id: cursor })
    this.#last = { cursor, degraded, frame }
    return frame
  }
}
