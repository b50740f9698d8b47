import type { ResolvedStoreLimits } from '../retention.js'
import type { IdWindow } from '../store.js'
import type { Database } from './driver.js'
import type { Ledger, NamespaceRecord } from './ledger.js'

/** What an id stood for when it was first seen. */
export interface KnownId {
  readonly digest: string
  /** null: it was a command. */
  readonly seq: number | null
}

/** The ids of a namespace within the window (D3), each at a place; places rise with time. */
export class Ids {
  readonly #ledger: Ledger
  readonly #limit: ResolvedStoreLimits['idWindow']
  readonly #select
  readonly #insert
  readonly #seenAt
  readonly #firstSince
  readonly #deleteRange

  constructor(database: Database, ledger: Ledger, limit: ResolvedStoreLimits['idWindow']) {
    this.#ledger = ledger
    this.#limit = limit
    this.#select = database.prepare('SELECT digest, seq FROM ids WHERE namespace = ? AND id = ?')
    this.#insert = database.prepare('INSERT INTO ids VALUES (?, ?, ?, ?, ?, ?)')
    this.#seenAt = database.prepare('SELECT seen FROM ids WHERE namespace = ? AND place = ?')
    this.#firstSince = database.prepare(
      'SELECT place FROM ids WHERE namespace = ? AND place >= ? AND place < ? AND seen >= ? ORDER BY place LIMIT 1',
    )
    this.#deleteRange = database.prepare('DELETE FROM ids WHERE namespace = ? AND place < ?')
  }

  find(namespace: NamespaceRecord, id: string): KnownId | undefined {
    return this.#select.get(namespace.namespace, id) as KnownId | undefined
  }

  remember(namespace: NamespaceRecord, id: string, digest: string, seq: number | null, steadyMs: number): void {
    this.#insert.run(namespace.namespace, namespace.ids_next, id, digest, seq, steadyMs)
    namespace.ids_next++
    this.#ledger.changed(namespace)
  }

  /** Keeps the newest ids only, where there are too many. Called once a transaction, so it takes away what that brought. */
  trimByCount(namespace: NamespaceRecord): void {
    this.#forgetBefore(namespace, namespace.ids_next - this.#limit.ids)
  }

  /** Forgets up to `most` ids that are over the age. Returns how many went. */
  trimByAge(namespace: NamespaceRecord, steadyMs: number, most: number): number {
    const from = namespace.ids_first
    const to = Math.min(from + most, namespace.ids_next)
    if (from === to) return 0
    const keep = this.#firstSince.get(namespace.namespace, from, to, steadyMs - this.#limit.ageMs) as
      | { place: number }
      | undefined
    this.#forgetBefore(namespace, keep ? keep.place : to)
    return namespace.ids_first - from
  }

  /** An id of at most that age is recognised. */
  recognisedMs(namespace: NamespaceRecord, steadyMs: number): number {
    const { ids, oldestAgeMs } = this.window(namespace, steadyMs)
    return ids >= this.#limit.ids ? Math.min(this.#limit.ageMs, oldestAgeMs) : this.#limit.ageMs
  }

  window(namespace: NamespaceRecord, steadyMs: number): IdWindow {
    const oldest = this.#seenAt.get(namespace.namespace, namespace.ids_first) as { seen: number } | undefined
    const oldestAgeMs = oldest ? Math.max(0, steadyMs - oldest.seen) : 0
    return { ids: namespace.ids_next - namespace.ids_first, oldestAgeMs }
  }

  #forgetBefore(namespace: NamespaceRecord, place: number): void {
    if (place <= namespace.ids_first) return
    this.#deleteRange.run(namespace.namespace, place)
    namespace.ids_first = place
    this.#ledger.changed(namespace)
  }
}
