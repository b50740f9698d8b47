/** A place in the log of one namespace. Numbers are compared within one epoch only. */
export interface Position {
  /** Random, made with the namespace; changes when its history is not the one a reader saw. */
  readonly epoch: string
  /** The number of the last event at or before this place; 0 is before the first. */
  readonly seq: number
}

const shape = /^([A-Za-z0-9_~-]{1,40})\.(0|[1-9][0-9]{0,15})$/
const maxCursorLength = 64

/** The opaque cursor of a position: `<epoch>.<seq>`, at most 64 characters of `[A-Za-z0-9._~-]`. */
export function formatCursor(position: Position): string {
  return `${position.epoch}.${position.seq}`
}

/** The position that a cursor names, or null when it is malformed. Never throws. */
export function parseCursor(cursor: string): Position | null {
  if (cursor.length > maxCursorLength) return null
  const parts = shape.exec(cursor)
  if (!parts?.[1] || !parts[2]) return null
  const seq = Number(parts[2])
  return Number.isSafeInteger(seq) ? { epoch: parts[1], seq } : null
}
