import { crc32 } from 'node:zlib'
import type { Priority } from '../../protocol/event.js'
import type { NewEvent, StoredEvent } from '../store.js'
import type { Database } from './driver.js'
import { isDamage } from './failures.js'

/** That a topic has an event: the index of the log. */
export interface Entry {
  readonly seq: number
  readonly prev: number
  readonly row: number
  readonly bytes: number
  readonly shared: number
}

interface EventRow {
  readonly seq: number
  readonly timestamp: number
  readonly id: string
  readonly type: string
  readonly priority: string
  readonly topics: string
  readonly conflation_key: string | null
  readonly body: string
  readonly checksum: number
}

/** The rows of events and the index by topic. Counts and numbers are the ledger's. */
export class Log {
  readonly #insertEvent
  readonly #selectEvent
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
    this.#deleteEvent = database.prepare('DELETE FROM events WHERE row = ?')
    this.#unuseEvent = database.prepare('UPDATE events SET uses = uses - 1 WHERE row = ?')
    this.#deleteUnused = database.prepare('DELETE FROM events WHERE row = ? AND uses <= 0')
    this.#insertEntry = database.prepare('INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?)')
    this.#entriesAfter = database.prepare(
      'SELECT seq, prev, row, bytes, shared FROM entries WHERE topic = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?',
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
    return this.#entriesAfter.all(topic, after, upTo, limit) as Entry[]
  }

  /** The event of a row, or null where it is not what was stored. */
  load(entry: Entry): StoredEvent | null {
    const row = this.#select(entry.row)
    if (!row || row.seq !== entry.seq || row.checksum !== checksumOf(row)) return null
    const { seq, timestamp, id, type, body } = row
    return {
      ...{ id, type, priority: row.priority as Priority, body, seq, timestamp, topics: JSON.parse(row.topics) },
      ...(row.conflation_key !== null && { conflationKey: row.conflation_key }),
    }
  }

  #select(row: number): EventRow | undefined {
    try {
      return this.#selectEvent.get(row) as EventRow | undefined
    } catch (error) {
      // A damaged page of the table costs the events on it, not the whole read.
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

/** CRC-32 finds what disks and stray writes do; it is no protection against people who can write the file. */
function checksumOf(row: Omit<EventRow, 'checksum'>): number {
  const { seq, timestamp, id, type, priority, topics, conflation_key, body } = row
  return crc32(`${seq}\n${timestamp}\n${id}\n${type}\n${priority}\n${topics}\n${conflation_key ?? ''}\n${body}`)
}
