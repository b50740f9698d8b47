import type { Clock } from '../clock.js'
import { ClosedConnection } from './closed-connection.js'
import {
  type ClosedReport,
  type ConnectionFilter,
  type ConnectionReport,
  matchesFilter,
  momentOf,
  reportOf,
} from './report.js'
import type { Connection } from './connection.js'
import { Newest } from './newest.js'
import { type Revocation, isRevoked, mayReturn } from './revocation.js'
import type { Roster } from './roster.js'

/** What is asked of the connections of each node: those of a namespace that a filter means. */
export interface Order {
  readonly namespace: string
  readonly filter: ConnectionFilter
  /** Goes to the list of the closed. */
  readonly note?: string
  readonly limit?: number
  readonly after?: string
}

/** Of one list. */
export const mostListed = 1_000
const mostClosed = 1_000

/** What can be asked of the connections of this node, those that are open and the last {@link mostClosed} that closed. */
export class ConnectionsHere {
  readonly #node: string
  readonly #roster: Roster
  readonly #clock: Clock
  readonly #closed = new Newest<ClosedConnection>(mostClosed)
  /** What was said about those that are being ended, until they are gone. */
  readonly #notes = new Map<Connection, string>()

  constructor(node: string, roster: Roster, clock: Clock) {
    this.#node = node
    this.#roster = roster
    this.#clock = clock
  }

  /** Sorted by id; one more than the limit, where there are more. */
  list({ namespace, filter, limit = mostListed, after = '' }: Order): ConnectionReport[] {
    const wanted = this.#roster.connections
      .filter((connection) => connection.namespace === namespace && connection.id > after)
      .sort(byId)
    const found: ConnectionReport[] = []
    const now = momentOf(this.#clock)
    for (const connection of wanted) {
      // One more than the page: that there is a next page has to be seen.
      if (found.length > limit) break
      const report = reportOf(connection, this.#node, now)
      if (matchesFilter(report, filter)) found.push(report)
    }
    return found
  }

  /** The last first. */
  closed({ namespace, filter: { state: _closed, ...filter }, limit = mostListed }: Order): ClosedReport[] {
    return this.#closed
      .newestFirst()
      .filter((closed) => closed.namespace === namespace)
      .map((closed) => closed.report(this.#node))
      .filter((report) => matchesFilter({ ...report, unsentBytes: 0, lag: 0 }, filter))
      .slice(0, limit)
  }

  /** Returns how many there were. */
  disconnect({ namespace, filter, note }: Order): number {
    const meant = this.#meant(namespace, filter)
    for (const connection of meant) {
      if (note !== undefined) this.#notes.set(connection, note)
      connection.end('kicked')
    }
    return meant.length
  }

  /** Returns to how many. */
  ping({ namespace, filter }: Order): number {
    return this.#meant(namespace, filter).filter((one) => one.transport === 'sse' && one.ping()).length
  }

  /** Ends those of whoever was revoked; returns how many there were. */
  endRevoked(revocation: Revocation): number {
    let ended = 0
    for (const connection of this.#roster.connections) {
      const { reader } = connection.options
      if (connection.closed || connection.namespace !== revocation.namespace) continue
      if (!reader || !isRevoked(revocation, reader)) continue
      connection.end('revoked', mayReturn(revocation))
      ended++
    }
    return ended
  }

  /** A connection is gone: what is kept of it; null for one of which nothing is. */
  noteClosed(connection: Connection): ClosedConnection | null {
    const note = this.#notes.get(connection)
    this.#notes.delete(connection)
    // A poll that was answered is no loss of anything, and there are thousands.
    if (connection.transport === 'poll' && connection.activity.reason === null) return null
    const closed = new ClosedConnection(connection, note, momentOf(this.#clock))
    this.#closed.add(closed)
    return closed
  }

  #meant(namespace: string, filter: ConnectionFilter): readonly Connection[] {
    const now = momentOf(this.#clock)
    return this.#roster.connections.filter(
      (connection) =>
        !connection.closed &&
        connection.namespace === namespace &&
        // An in-process reader is the application's own: nobody disconnects it from outside.
        connection.transport !== 'process' &&
        matchesFilter(reportOf(connection, this.#node, now), filter),
    )
  }
}

export const byId = (a: { readonly id: string }, b: { readonly id: string }): number =>
  a.id < b.id ? -1 : a.id > b.id ? 1 : 0
