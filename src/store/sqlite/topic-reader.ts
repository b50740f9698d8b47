import type { GapReason } from '../../protocol/control.js'
import type { TopicRecord } from './ledger.js'
import type { Entry, Log } from './log.js'

/** The least and the most entries looked at in one go. */
const leastEntries = 64
const mostEntries = 1_024

/** The entries of one topic after a position, one by one. Read it within one transaction. */
export class TopicReader {
  readonly name: string
  /** Whether entries are missing from the index before `head`: the chain of `prev` is broken. */
  holeBefore = false
  readonly #log: Log
  readonly #topic: TopicRecord
  readonly #after: number | null
  readonly #chunkEntries: number
  #chunk: readonly Entry[]
  #at = 0

  /** `after` null: from the oldest kept event. `wanted`: how many entries will be read, as far as one can tell. */
  constructor(log: Log, topic: TopicRecord, after: number | null, wanted: number) {
    this.name = topic.name
    this.#log = log
    this.#topic = topic
    this.#after = after
    this.#chunkEntries = Math.min(mostEntries, Math.max(leastEntries, Math.ceil(wanted)))
    this.#chunk = log.entries(topic.topic, after ?? 0, topic.last, this.#chunkEntries)
  }

  get head(): Entry | undefined {
    return this.#chunk[this.#at]
  }

  advance(): void {
    const before = this.head
    if (!before) return
    this.#at++
    if (this.#at === this.#chunk.length && this.#chunk.length === this.#chunkEntries) {
      this.#chunk = this.#log.entries(this.#topic.topic, before.seq, this.#topic.last, this.#chunkEntries)
      this.#at = 0
    }
    this.holeBefore = this.head !== undefined && this.head.prev !== before.seq
  }

  /** Why not all that came after the position is here, or null. Ask before the first `advance`. */
  proof(): GapReason | null {
    const { first, last, count } = this.#topic
    if (!this.head) return count > 0 ? 'lost' : this.#after !== null && this.#after < last ? 'expired' : null
    if (this.#after === null) return this.head.seq === first ? null : 'lost'
    if (this.head.prev <= this.#after) return null
    // The oldest kept event names the newest that was trimmed; any other that names one after the position misses it.
    return this.head.seq === first ? 'expired' : 'lost'
  }
}
