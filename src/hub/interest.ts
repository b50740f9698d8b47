import type { Position } from '../protocol/cursor.js'
import type { ReadResult } from '../store/store.js'
import { readsEverything } from './everything.js'
import type { EncodedEvent } from './frame.js'
import type { Gate } from './gate.js'
import type { JobSnapshot } from './notices.js'

/** What one reader wants of the log: its topics and types, and from where on it wants each topic. */
export class Interest {
  readonly topics: readonly string[]
  /** Only of many: a few are found faster by looking along them, and most readers have a few. */
  readonly #set: ReadonlySet<string> | null
  readonly #types: ReadonlySet<string> | null
  /** Per topic: events at or below are left out, because the reader has them from a snapshot or an earlier position. */
  #floors: Map<string, number> | null = null
  readonly #gate: Gate | null

  constructor(topics: readonly string[], types: readonly string[] | null, gate: Gate | null) {
    this.topics = topics
    this.#gate = gate
    this.#set = topics.length > few ? new Set(topics) : null
    this.#types = types && new Set(types)
  }

  /** The topics by which the reader receives the event, or null where it should not. */
  topicsOf(encoded: EncodedEvent): readonly string[] | null {
    const mine = this.#matching(encoded)
    return mine && (this.#gate?.lets(encoded, mine) ?? true) ? mine : null
  }

  /** Whether the state of a job may be told, as its events may. */
  maySee(snapshot: JobSnapshot, topic: string): boolean {
    return this.#gate?.letsSnapshot(snapshot, topic) ?? true
  }

  #matching({ event, position }: EncodedEvent): readonly string[] | null {
    if (this.#types && !this.#types.has(event.type)) return null
    const { topics } = event
    if (readsEverything(this.topics)) return topics
    if (topics.length === 1 && !this.#floors) return this.#has(topics[0] as string) ? topics : null
    const mine = topics.filter(
      (topic) => this.#has(topic) && !(position && event.seq <= (this.#floors?.get(topic) ?? -1)),
    )
    return mine.length === 0 ? null : mine
  }

  raiseFloor(topic: string, seq: number): void {
    this.#floors ??= new Map()
    this.#floors.set(topic, Math.max(seq, this.#floors.get(topic) ?? -1))
  }

  /** A read with gaps begins anew: topics that are whole go on from `before`, unless its numbers are of another epoch. */
  cross({ gaps, from }: ReadResult, before: Position): void {
    const gapped = new Set(gaps.flatMap(({ topics }) => topics))
    for (const topic of this.topics) {
      if (from.epoch !== before.epoch) this.#floors?.delete(topic)
      else if (!gapped.has(topic)) this.raiseFloor(topic, before.seq)
    }
  }

  #has(topic: string): boolean {
    return this.#set ? this.#set.has(topic) : this.topics.includes(topic)
  }
}

const few = 8
