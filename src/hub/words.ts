import { TidingsError } from '../errors.js'
import type { StoredEvent } from '../store/store.js'

/** What nodes of one store say to each other beside the log. A kind that this version does not know is ignored (H9). */
export interface Word {
  readonly kind: 'volatile'
  readonly event: StoredEvent
}

export const encodeWord = (word: Word): string => JSON.stringify(word)

/** Null: of a newer version. Throws `internal` where it is no word at all. */
export function decodeWord(text: string): Word | null {
  let word: unknown
  try {
    word = JSON.parse(text)
  } catch (cause) {
    throw new TidingsError('internal', 'Another node said what is no JSON.', { cause })
  }
  if (typeof word !== 'object' || word === null || !('kind' in word) || word.kind !== 'volatile') return null
  const { event } = word as Partial<Word>
  const usable = typeof event?.body === 'string' && typeof event.type === 'string' && Array.isArray(event.topics)
  return usable ? (word as Word) : null
}
