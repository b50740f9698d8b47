import type { Position } from '../protocol/cursor.js'
import type { ReadResult } from '../store/store.js'
import type { EncodedEvent } from './frame.js'

/** What one reader wants of the log: its topics and types, and from where on it wants each topic. */
export class Interest {
  readonly topics: ReadonlySet<string>
  readonly #types: ReadonlySet<string> | null
  /** Per topic: events at or below are left out, because the reader has them from a snapshot or an earlier position. */
  readonly #floors = new Map<string, number>()

  constructor(topics: readonly string[], types: readonly string[] | null) {
    this.topics = new Set(topics)
    this.#types = types && new Set(types)
  }

  /** The topics by which the reader receives the event, or null where it should not. */
  topicsOf({ event, position }: EncodedEvent): readonly string[] | null {
    if (this.#types && !this.#types.has(event.type)) return null
    const { topics } = event
    if (topics.length === 1 && this.#floors.size === 0) return this.topics.has(topics[0] as string) ? topics : null
    const mine = topics.filter(
      (topic) => this.topics.has(topic) && !(position && event.seq <= (this.#floors.get(topic) ?? -1)),
    )
    return mine.length === 0 ? null : mine
  }

  raiseFloor(topic: string, seq: number): void {
    this.#floors.set(topic, Math.max(seq, this.#floors.get(topic) ?? -1))
  }

  /** A read with gaps begins anew: topics that are whole go on from `before`, unless its numbers are of another epoch. */
  cross({ gaps, from }: ReadResult, before: Position): void {
    const gapped = new Set(gaps.flatMap(({ topics }) => topics))
    for (const topic of this.topics) {
      if (from.epoch !== before.epoch) this.#floors.delete(topic)
      else if (!gapped.has(topic)) this.raiseFloor(topic, before.seq)
    }
  }
}
