import type { GapReason } from '../../protocol/control.js'
import type { Gap, ReadQuery } from '../store.js'
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
      const reader = new TopicReader(this.#log, topic, after, query.limit / names.length)
      gaps.note(reader.proof(), name)
      if (reader.head) readers.push(reader)
    }
    const { page, more, corrupt, first, reached } = this.#merge(namespace, readers, query, gaps)
    const upTo = more ? reached : namespace.last
    const from = after ?? (first ?? namespace.last + 1) - 1
    const { epoch } = namespace
    const result = { from: { epoch, seq: from }, upTo: { epoch, seq: upTo }, more, gaps: gaps.list() }
    return { page, result, corrupt }
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

  #merge(namespace: NamespaceRecord, readers: readonly TopicReader[], query: ReadQuery, gaps: GapNotes) {
    const corrupt: CorruptRow[] = []
    for (let left = readers; ; ) {
      const picked = pick(left, query, gaps)
      const { page, damaged } = this.#log.load(picked.entries)
      for (const at of damaged) {
        const topics = picked.readers[at]!.map(({ name }) => name)
        for (const topic of topics) gaps.note('lost', topic)
        corrupt.push({ namespace: namespace.name, seq: picked.entries[at]!.seq, topics })
      }
      const first = picked.entries.find((_, at) => !damaged.has(at))?.seq
      const reached = picked.entries.at(-1)?.seq ?? 0
      left = picked.left
      // A page of nothing but damage is none: a reader would take it for the end.
      if (first !== undefined || left.length === 0) return { page, corrupt, first, reached, more: left.length > 0 }
    }
  }

  describe(namespace: NamespaceRecord, name: string) {
    const topic = this.#ledger.topic(namespace, name)
    const { epoch } = positionOf(namespace)
    if (!topic || topic.count === 0) return { first: null, last: null, count: 0, bytes: 0, epoch }
    // The newest event always outlives the others, so the newest number of a topic that keeps anything is kept.
    return { first: topic.first, last: topic.last, count: topic.count, bytes: topic.bytes, epoch }
  }
}

/** The entries of the next page, by their bytes, each with those who read it; `left` has more to read. */
function pick(readers: readonly TopicReader[], { limit, maxBytes }: ReadQuery, gaps: GapNotes) {
  const picked = { entries: [] as Entry[], readers: [] as (readonly TopicReader[])[], left: readers }
  let bytes = 0
  while (picked.left.length > 0) {
    let next: Entry = picked.left[0]!.head!
    for (const { head } of picked.left) if (head!.seq < next.seq) next = head!
    bytes += next.bytes
    if (picked.entries.length > 0 && (picked.entries.length >= limit || bytes > maxBytes)) break
    const at = picked.left.length === 1 ? picked.left : picked.left.filter(({ head }) => head!.seq === next.seq)
    picked.entries.push(next)
    picked.readers.push(at)
    let isOver = false
    for (const reader of at) {
      if (reader.holeBefore) gaps.note('lost', reader.name)
      reader.advance()
      isOver ||= !reader.head
    }
    if (isOver) picked.left = picked.left.filter(({ head }) => head)
  }
  return picked
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
