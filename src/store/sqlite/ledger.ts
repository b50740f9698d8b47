import { TidingsError } from '../../errors.js'
import type { Position } from '../../protocol/cursor.js'
import { isPersonal } from '../retention.js'
import type { Database } from './driver.js'

/** The running figures of a namespace. */
export interface NamespaceRecord {
  readonly namespace: number
  readonly name: string
  readonly epoch: string
  last: number
  timestamp: number
  bytes: number
  aged: number
  aged_personal: number
  ids_first: number
  ids_next: number
  /** Kept, each once. */
  events: number
  /** Of which there is a row. */
  topics: number
}

/** The running figures of a topic. */
export interface TopicRecord {
  readonly topic: number
  readonly namespace: number
  readonly name: string
  readonly personal: number
  first: number
  last: number
  count: number
  bytes: number
  erased: number
}

export const positionOf = (record: NamespaceRecord): Position => ({ epoch: record.epoch, seq: record.last })
/** At or below this number events of a topic of that name may have gone by age. */
export function agedThrough(record: NamespaceRecord, topic: string): number {
  return isPersonal(topic) ? record.aged_personal : record.aged
}

/**
 * The figures that a transaction works with: each is read once, changed in memory and written once before the commit,
 * so that sixty appends to one topic cost one update. Whatever happens to the transaction, `clear` follows it.
 */
export class Ledger {
  readonly #introduced = new Map<string, string>()
  readonly #namespaces = new Map<string, NamespaceRecord>()
  readonly #topics = new Map<number, Map<string, TopicRecord | null>>()
  readonly #dirtyNamespaces = new Set<NamespaceRecord>()
  readonly #dirtyTopics = new Set<TopicRecord>()
  readonly #selectNamespace
  readonly #insertNamespace
  readonly #updateNamespace
  readonly #updateEpoch
  readonly #selectTopic
  readonly #insertTopic
  readonly #updateTopic
  readonly #deleteTopic

  constructor(database: Database) {
    this.#selectNamespace = database.prepare('SELECT * FROM namespaces WHERE name = ?')
    this.#insertNamespace = database.prepare(
      'INSERT INTO namespaces (name, epoch, last, timestamp, bytes, aged, aged_personal, ids_first, ids_next) ' +
        'VALUES (?, ?, 0, 0, 0, 0, 0, 0, 0)',
    )
    this.#updateNamespace = database.prepare(
      'UPDATE namespaces SET last = ?, timestamp = ?, bytes = ?, aged = ?, aged_personal = ?, ids_first = ?, ids_next = ?, ' +
        'events = ?, topics = ? ' +
        'WHERE namespace = ?',
    )
    this.#updateEpoch = database.prepare('UPDATE namespaces SET epoch = ? WHERE name = ?')
    this.#selectTopic = database.prepare('SELECT * FROM topics WHERE namespace = ? AND name = ?')
    this.#insertTopic = database.prepare(
      'INSERT INTO topics (namespace, name, personal, first, last, count, bytes, erased) VALUES (?, ?, ?, ?, ?, 0, 0, 0)',
    )
    this.#updateTopic = database.prepare(
      'UPDATE topics SET first = ?, last = ?, count = ?, bytes = ?, erased = ? WHERE topic = ?',
    )
    this.#deleteTopic = database.prepare('DELETE FROM topics WHERE topic = ?')
  }

  /** Keeps an epoch ready for a namespace that may not exist yet. */
  introduce(name: string, epoch: string): void {
    this.#introduced.set(name, epoch)
  }

  /** Cursors of before belong to another history from here on; the numbers go on. */
  renewEpochs(epochs: readonly (readonly [name: string, epoch: string])[]): void {
    for (const [name, epoch] of epochs) this.#updateEpoch.run(epoch, name)
    this.clear()
  }

  /**
   * The namespace, made at its first mention: also a reader's, because the position that a reader is given before the
   * first append has to be good after it, and after a restart.
   */
  namespace(name: string): NamespaceRecord {
    const known = this.#namespaces.get(name)
    if (known) return known
    let record = this.#selectNamespace.get(name) as NamespaceRecord | undefined
    if (!record) {
      const epoch = this.#introduced.get(name)
      if (!epoch) throw new TidingsError('internal', `Namespace "${name}" was not introduced to the SQLite thread.`)
      this.#insertNamespace.run(name, epoch)
      record = this.#selectNamespace.get(name) as NamespaceRecord
    }
    this.#namespaces.set(name, record)
    return record
  }

  topic(namespace: NamespaceRecord, name: string): TopicRecord | null {
    let topics = this.#topics.get(namespace.namespace)
    if (!topics) this.#topics.set(namespace.namespace, (topics = new Map()))
    let record = topics.get(name)
    if (record === undefined) {
      record = (this.#selectTopic.get(namespace.namespace, name) as TopicRecord | undefined) ?? null
      topics.set(name, record)
    }
    return record
  }

  topicForAppend(namespace: NamespaceRecord, name: string): TopicRecord {
    const known = this.topic(namespace, name)
    if (known) return known
    const personal = isPersonal(name) ? 1 : 0
    // It may have had events before that went by age, and with them all that was known of it.
    const last = agedThrough(namespace, name)
    const { lastInsertRowid } = this.#insertTopic.run(namespace.namespace, name, personal, last, last)
    const figures = { first: last, last, count: 0, bytes: 0, erased: 0 }
    const record = { topic: Number(lastInsertRowid), namespace: namespace.namespace, name, personal, ...figures }
    this.#topics.get(namespace.namespace)?.set(name, record)
    namespace.topics++
    this.changed(namespace)
    return record
  }

  /** Forgets a topic that keeps nothing and that the moments can answer for. */
  removeTopic(namespace: NamespaceRecord, record: TopicRecord): void {
    namespace.topics--
    this.changed(namespace)
    this.#deleteTopic.run(record.topic)
    this.#dirtyTopics.delete(record)
    this.#topics.get(record.namespace)?.set(record.name, null)
  }

  changed(namespace: NamespaceRecord): void {
    this.#dirtyNamespaces.add(namespace)
  }

  topicChanged(topic: TopicRecord): void {
    this.#dirtyTopics.add(topic)
  }

  /** The namespaces that this transaction has changed so far. */
  changedNamespaces(): Iterable<NamespaceRecord> {
    return this.#dirtyNamespaces
  }

  /** Writes what changed. Call before a statement that looks at many rows, and before the commit. */
  flush(): void {
    for (const each of this.#dirtyNamespaces) {
      const { last, timestamp, bytes, aged, aged_personal, ids_first, ids_next, events, topics } = each
      const ids = [ids_first, ids_next] as const
      this.#updateNamespace.run(last, timestamp, bytes, aged, aged_personal, ...ids, events, topics, each.namespace)
    }
    for (const each of this.#dirtyTopics) {
      this.#updateTopic.run(each.first, each.last, each.count, each.bytes, each.erased, each.topic)
    }
    this.#dirtyNamespaces.clear()
    this.#dirtyTopics.clear()
  }

  clear(): void {
    this.#namespaces.clear()
    this.#topics.clear()
    this.#dirtyNamespaces.clear()
    this.#dirtyTopics.clear()
  }
}
