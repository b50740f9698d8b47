import type { NewEvent, StoredEvent } from './store.js'

/** What is kept of an event under its number: member by member, because this runs on every event and spreading is slow. */
export function storedEvent(event: NewEvent, seq: number, timestamp: number): StoredEvent {
  const { id, type, priority, body, conflationKey } = event
  return { id, type, priority, body, topics: distinct(event.topics), conflationKey, seq, timestamp }
}

/** Each topic once, in published order. */
export const distinct = (topics: readonly string[]): readonly string[] =>
  topics.length > 1 ? [...new Set(topics)] : topics
