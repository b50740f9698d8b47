import type { Retention } from '../retention.js'
import type { Database } from './driver.js'
import type { Ledger, NamespaceRecord, TopicRecord } from './ledger.js'
import { agedThrough } from './ledger.js'
import type { Entry, Log } from './log.js'

/** Entries looked at in one go. */
const stepEntries = 256

/** Takes events away: by count and bytes as they come, by age in upkeep, or all of a topic. */
export class Trim {
  readonly #retention: Retention
  readonly #ledger: Ledger
  readonly #log: Log
  readonly #agedTopics

  constructor(database: Database, retention: Retention, ledger: Ledger, log: Log) {
    this.#retention = retention
    this.#ledger = ledger
    this.#log = log
    this.#agedTopics = database.prepare(
      'SELECT name FROM topics WHERE namespace = ? AND personal = ? AND first <= ? ORDER BY first LIMIT ?',
    )
  }

  /**
   * Drops the oldest events that neither floor needs, once there are 10 % too many: then one statement takes a tenth of
   * the topic instead of one event each time. The newest always stays.
   */
  toSize(namespace: NamespaceRecord, topic: TopicRecord): void {
    const { events, bytes } = this.#retention
    if (topic.count <= events + events / 10 && topic.bytes <= bytes + bytes / 10) return
    for (let more = true; more; ) {
      const oldest = this.#log.entries(topic.topic, 0, topic.last, stepEntries)
      const dropped = this.#overSize(topic, oldest)
      this.#drop(namespace, topic, oldest.slice(0, dropped))
      more = dropped === stepEntries
    }
  }

  /** How many of the oldest entries are over both floors. */
  #overSize(topic: TopicRecord, oldest: readonly Entry[]): number {
    let { count, bytes } = topic
    let dropped = 0
    for (const entry of oldest) {
      const isNeeded = count <= this.#retention.events && bytes - entry.bytes < this.#retention.bytes
      if (isNeeded || count === 1) break
      dropped++
      count--
      bytes -= entry.bytes
    }
    return dropped
  }

  /** Drops up to `most` events at or below `seq`. Returns how many went. */
  through(namespace: NamespaceRecord, topic: TopicRecord, seq: number, most: number): number {
    const oldest = this.#log.entries(topic.topic, 0, seq, most)
    this.#drop(namespace, topic, oldest)
    return oldest.length
  }

  /** Drops everything and notes up to where, so that readers who have not seen it hear of it. */
  erase(namespace: NamespaceRecord, name: string): void {
    const topic = this.#ledger.topic(namespace, name)
    if (!topic) return
    topic.erased = topic.last
    this.#ledger.topicChanged(topic)
    while (this.through(namespace, topic, topic.last, 1_000) > 0);
  }

  /** Drops what is over its age, at most about `most` events. Returns whether that was all. */
  byAge(namespace: NamespaceRecord, most: number): boolean {
    let left = most
    for (const personal of [0, 1]) {
      const seq = personal ? namespace.aged_personal : namespace.aged
      if (seq === 0) continue
      this.#ledger.flush()
      const found = this.#agedTopics.all(namespace.namespace, personal, seq, most) as { name: string }[]
      for (const { name } of found) {
        const topic = this.#ledger.topic(namespace, name)
        if (!topic) continue
        left -= 1 + this.through(namespace, topic, seq, Math.max(1, left))
        if (topic.count === 0 && topic.last <= seq) this.#ledger.removeTopic(namespace, topic)
        if (left <= 0) return false
      }
      if (found.length === most) return false
    }
    return true
  }

  #drop(namespace: NamespaceRecord, topic: TopicRecord, oldest: readonly Entry[]): void {
    namespace.events -= this.#log.remove(topic.topic, oldest)
    topic.count -= oldest.length
    for (const { bytes } of oldest) {
      topic.bytes -= bytes
      namespace.bytes -= bytes
    }
    const [next] = this.#log.entries(topic.topic, 0, topic.last, 1)
    topic.first = next ? next.seq : topic.last
    if (!next) {
      // Also where the figures said otherwise: a damaged index must not keep upkeep busy for ever.
      namespace.bytes -= topic.bytes
      topic.count = 0
      topic.bytes = 0
    }
    this.#ledger.topicChanged(topic)
    this.#ledger.changed(namespace)
  }
}

/** Whether a reader at `seq` has to be told that somebody erased the topic; later its age says as much. */
export function isErasedAfter(namespace: NamespaceRecord, topic: TopicRecord, seq: number): boolean {
  return seq < topic.erased && topic.erased > agedThrough(namespace, topic.name)
}
