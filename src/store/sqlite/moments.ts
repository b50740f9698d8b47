import type { Database } from './driver.js'
import type { NamespaceRecord } from './ledger.js'

/** Which number was the last at which time, to about a minute: the coarse clock of a namespace, as rows. */
export class Moments {
  readonly #intervalMs: number
  readonly #latest
  readonly #insert
  readonly #before
  readonly #forget

  constructor(database: Database, intervalMs: number) {
    this.#intervalMs = intervalMs
    this.#latest = database.prepare('SELECT seq, timestamp FROM moments WHERE namespace = ? ORDER BY seq DESC LIMIT 1')
    this.#insert = database.prepare('INSERT INTO moments VALUES (?, ?, ?)')
    this.#before = database.prepare(
      'SELECT seq FROM moments WHERE namespace = ? AND timestamp < ? ORDER BY seq DESC LIMIT 1',
    )
    this.#forget = database.prepare('DELETE FROM moments WHERE namespace = ? AND seq < ?')
  }

  /** Call before numbers are given at `timestamp`, and in idle times. */
  note(namespace: NamespaceRecord, timestamp: number): void {
    const latest = this.#latest.get(namespace.namespace) as { seq: number; timestamp: number } | undefined
    if (!latest || (timestamp - latest.timestamp >= this.#intervalMs && namespace.last > latest.seq)) {
      this.#insert.run(namespace.namespace, namespace.last, timestamp)
    }
  }

  /** A number of which all at or below it were stamped before `timestamp`, at most one interval too low; 0 = unknown. */
  before(namespace: NamespaceRecord, timestamp: number): number {
    const found = this.#before.get(namespace.namespace, timestamp) as { seq: number } | undefined
    return found ? found.seq : 0
  }

  /** The last number of which everything at or below it was stamped at or before `timestamp`; 0 = unknown. */
  through(namespace: NamespaceRecord, timestamp: number): number {
    return this.before(namespace, timestamp + 1)
  }

  /** Forgets the moments below `seq`. */
  forgetBelow(namespace: NamespaceRecord, seq: number): void {
    this.#forget.run(namespace.namespace, seq)
  }
}
