import type { NewEvent } from '../store.js'
import type { Database } from './driver.js'
import { isDamage } from './failures.js'
import { checksumOf, type EventRow, type Page, PageWriter, pageText } from './page.js'

/** That a topic has an event: the index of the log. */
export interface Entry {
  readonly seq: number
  readonly prev: number
  readonly row: number
  readonly bytes: number
  readonly shared: number
}

/** The rows of events and the index by topic. Counts and numbers are the ledger's. */
export class Log {
  readonly #insertEvent
  readonly #selectEvent
  readonly #selectPage
  readonly #deleteEvent
  readonly #unuseEvent
  readonly #deleteUnused
  readonly #insertEntry
  readonly #entriesAfter
  readonly #deleteEntries

  constructor(database: Database) {
    this.#insertEvent = database.prepare(
      'INSERT INTO events (seq, timestamp, id, type, priority, topics, conflation_key, body, uses, checksum) ' +
        'VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    )
    this.#selectEvent = database.prepare(
      'SELECT seq, timestamp, id, type, priority, topics, conflation_key, body, checksum FROM events WHERE row = ?',
    )
    this.#selectPage = database.prepare(
      `SELECT ${pageText} AS text FROM events WHERE row IN (SELECT value FROM json_each(?))`,
    )
    this.#deleteEvent = database.prepare('DELETE FROM events WHERE row = ?')
    this.#unuseEvent = database.prepare('UPDATE events SET uses = uses - 1 WHERE row = ?')
    this.#deleteUnused = database.prepare('DELETE FROM events WHERE row = ? AND uses <= 0')
    this.#insertEntry = database.prepare('INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?)')
    this.#entriesAfter = database.prepare(
      'SELECT json_group_array(json_array(seq, prev, row, bytes, shared)) AS text FROM (SELECT seq, prev, row, bytes, shared ' +
        'FROM entries WHERE topic = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?)',
    )
    this.#deleteEntries = database.prepare('DELETE FROM entries WHERE topic = ? AND seq <= ?')
  }

  /** Returns the row that entries point to; `uses` is the number of entries that will. */
  insert(event: NewEvent, seq: number, timestamp: number, uses: number): number {
    const { id, type, priority, body, conflationKey = null } = event
    const topics = JSON.stringify(event.topics)
    const checksum = checksumOf({ seq, timestamp, id, type, priority, topics, conflation_key: conflationKey, body })
    const added = this.#insertEvent.run(seq, timestamp, id, type, priority, topics, conflationKey, body, uses, checksum)
    return Number(added.lastInsertRowid)
  }

  insertEntry(topic: number, entry: Entry): void {
    this.#insertEntry.run(topic, entry.seq, entry.prev, entry.row, entry.bytes, entry.shared)
  }

  /** The next entries of a topic in (`after`, `upTo`], oldest first. */
  entries(topic: number, after: number, upTo: number, limit: number): readonly Entry[] {
    // As one text: the driver makes objects of rows at four times the cost.
    const { text } = this.#entriesAfter.get(topic, after, upTo, limit) as { text: string }
    const rows = JSON.parse(text) as [number, number, number, number, number][]
    return rows.map(([seq, prev, row, bytes, shared]) => ({ seq, prev, row, bytes, shared }))
  }

  /** The events of `entries`, which ascend; `damaged`: at which places of these the event is not what was stored. */
  load(entries: readonly Entry[]): { readonly page: Page; readonly damaged: ReadonlySet<number> } {
    const writer = new PageWriter(this.#text(entries))
    const damaged = new Set<number>()
    for (const [at, entry] of entries.entries()) {
      if (writer.take(entry.seq)) continue
      const row = this.#select(entry.row)
      if (row && row.seq === entry.seq && row.checksum === checksumOf(row)) writer.add(row)
      else damaged.add(at)
    }
    return { page: writer.page, damaged }
  }

  #text(entries: readonly Entry[]): string {
    try {
      const { text } = this.#selectPage.get(JSON.stringify(entries.map(({ row }) => row))) as { text: string | null }
      return text ?? ''
    } catch (error) {
      // Each by itself then: a damaged page of the table costs the events on it, not the whole read.
      if (isDamage(error)) return ''
      throw error
    }
  }

  #select(row: number): EventRow | undefined {
    try {
      return this.#selectEvent.get(row) as EventRow | undefined
    } catch (error) {
      if (isDamage(error)) return undefined
      throw error
    }
  }

  /** Takes the oldest `entries` of a topic away, and the events that no other topic keeps. Returns how many events went. */
  remove(topic: number, entries: readonly Entry[]): number {
    const newest = entries.at(-1)
    if (!newest) return 0
    let gone = 0
    this.#deleteEntries.run(topic, newest.seq)
    for (const { row, shared } of entries) {
      if (shared) {
        this.#unuseEvent.run(row)
        gone += Number(this.#deleteUnused.run(row).changes)
      } else gone += Number(this.#deleteEvent.run(row).changes)
    }
    return gone
  }
}
