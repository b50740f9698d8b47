import type { GapReason } from '../../protocol/control.js'
import type { Gap, ReadQuery, StoredEvent } from '../store.js'
import type { Database } from './driver.js'
import { agedThrough, type Ledger, type NamespaceRecord, positionOf, type TopicRecord } from './ledger.js'
import type { Entry, Log } from './log.js'
import type { CorruptRow, ReadAnswer } from './requests.js'
import { TopicReader } from './topic-reader.js'
import { isErasedAfter } from './trim.js'

/** Reads the log: proves the position, then merges the topics' entries, oldest first. */
export class Reads {
  readonly #ledger: Ledger
  readonly #log: Log
  readonly #lost

  constructor(database: Database, ledger: Ledger, log: Log) {
    this.#ledger = ledger
    this.#log = log
    this.#lost = database.prepare('SELECT 1 FROM lost WHERE namespace = ? AND after < ? AND upto > ?')
  }

  read(namespace: NamespaceRecord, query: ReadQuery): ReadAnswer {
    const names = [...new Set(query.topics)]
    const gaps = new GapNotes()
    const after = this.#begin(namespace, query.after, names, gaps)
    const readers: TopicReader[] = []
    for (const name of names) {
      const topic = this.#ledger.topic(namespace, name)
      if (after !== null) gaps.note(lostHistory(namespace, topic, name, after), name)
      if (!topic || topic.last <= (after ?? 0)) continue
      const reader = new TopicReader(this.#log, topic, after)
      gaps.note(reader.proof(), name)
      if (reader.head) readers.push(reader)
    }
    const { events, more, corrupt, reached } = this.#merge(namespace, readers, query, gaps)
    const upTo = more ? reached : namespace.last
    const from = after ?? (events[0]?.seq ?? namespace.last + 1) - 1
    const { epoch } = namespace
    const result = { events, from: { epoch, seq: from }, upTo: { epoch, seq: upTo }, more, gaps: gaps.list() }
    return { result, corrupt }
  }

  /** Where reading begins in every topic; null: at the oldest kept event, with a gap for all where it was not asked for. */
  #begin(
    namespace: NamespaceRecord,
    after: ReadQuery['after'],
    names: readonly string[],
    gaps: GapNotes,
  ): number | null {
    if (after === 'start') return null
    if (after.epoch !== namespace.epoch || after.seq > namespace.last) {
      for (const name of names) gaps.note(after.epoch === namespace.epoch ? 'unknown' : 'epoch', name)
      return null
    }
    // A position inside a stretch saw events that are gone; behind the stretch every topic goes on as it is.
    if (this.#lost.get(namespace.namespace, after.seq, after.seq)) for (const name of names) gaps.note('lost', name)
    return after.seq
  }

  #merge(namespace: NamespaceRecord, readers: TopicReader[], query: ReadQuery, gaps: GapNotes) {
    const events: StoredEvent[] = []
    const corrupt: CorruptRow[] = []
    let bytes = 0
    let reached = 0
    let left = readers
    while (left.length > 0) {
      let next: Entry = left[0]!.head!
      for (const { head } of left) if (head!.seq < next.seq) next = head!
      const event = this.#log.load(next)
      if (event) bytes += next.bytes
      if (events.length > 0 && (events.length >= query.limit || bytes > query.maxBytes)) {
        return { events, more: true, corrupt, reached }
      }
      reached = next.seq
      const at = left.filter(({ head }) => head!.seq === next.seq)
      if (event) events.push(event)
      else corrupt.push({ namespace: namespace.name, seq: next.seq, topics: at.map(({ name }) => name) })
      for (const reader of at) {
        if (!event || reader.holeBefore) gaps.note('lost', reader.name)
        reader.advance()
      }
      if (at.some(({ head }) => !head)) left = left.filter(({ head }) => head)
    }
    return { events, more: false, corrupt, reached }
  }

  describe(namespace: NamespaceRecord, name: string) {
    const topic = this.#ledger.topic(namespace, name)
    const { epoch } = positionOf(namespace)
    if (!topic || topic.count === 0) return { first: null, last: null, count: 0, bytes: 0, epoch }
    // The newest event always outlives the others, so the newest number of a topic that keeps anything is kept.
    return { first: topic.first, last: topic.last, count: topic.count, bytes: topic.bytes, epoch }
  }
}

/** What is missing after a position by the figures alone; the entries themselves are asked next. */
function lostHistory(
  namespace: NamespaceRecord,
  topic: TopicRecord | null,
  name: string,
  after: number,
): GapReason | null {
  if (!topic) return after < agedThrough(namespace, name) ? 'expired' : null
  return isErasedAfter(namespace, topic, after) ? 'unknown' : null
}

/** One reason a topic: the first that was found. */
class GapNotes {
  readonly #byTopic = new Map<string, GapReason>()

  note(reason: GapReason | null, topic: string): void {
    if (reason && !this.#byTopic.has(topic)) this.#byTopic.set(topic, reason)
  }

  list(): readonly Gap[] {
    const byReason = new Map<GapReason, string[]>()
    for (const [topic, reason] of this.#byTopic) byReason.set(reason, [...(byReason.get(reason) ?? []), topic])
    return [...byReason].map(([reason, topics]) => ({ reason, topics }))
  }
}
