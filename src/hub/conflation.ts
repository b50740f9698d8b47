import type { Counters } from './counters.js'
import type { EncodedEvent } from './frame.js'

/**
 * What a reader that lags is sent of a batch (E5, E6): `low` events are left out, and of the events it would receive by the
 * same topics with the same conflation key only the newest of the batch is kept. Events it would not receive do not count,
 * so that nothing is left out in favour of something it may not see.
 */
export function selectForLagging(
  events: readonly EncodedEvent[],
  topicsFor: (event: EncodedEvent) => readonly string[] | null,
  counters: Counters,
): ReadonlySet<EncodedEvent> {
  const chosen = new Set<EncodedEvent>()
  const newer = new Set<string>()
  for (let index = events.length - 1; index >= 0; index--) {
    const encoded = events[index] as EncodedEvent
    const topics = topicsFor(encoded)
    if (!topics) continue
    const { priority, conflationKey } = encoded.event
    if (conflationKey !== undefined) {
      const key = JSON.stringify([conflationKey, topics])
      if (newer.has(key) && priority !== 'critical') {
        counters.conflated++
        continue
      }
      newer.add(key)
    }
    if (priority === 'low') {
      // The newest of a key is always sent, whatever its priority (E6).
      if (conflationKey === undefined) {
        counters.leftOutLow++
        continue
      }
    }
    chosen.add(encoded)
  }
  return chosen
}
