import type { Connection } from './connection.js'
import { type ClosedReport, type Moment, type Reported, reportOf } from './report.js'

/**
 * What is kept of a connection that is gone. Streams come and go by the thousand and few are ever looked at, so a report is
 * made when somebody asks: made at each end, it was an eighth of what a stream allocates in its life.
 */
export class ClosedConnection implements Reported {
  readonly id: string
  readonly namespace: string
  readonly transport: Connection['transport']
  readonly options: Connection['options']
  readonly activity: Connection['activity']
  readonly cursor: Connection['cursor']
  readonly unsentBytes = 0
  readonly lag = 0
  readonly stalledMs = null
  readonly note: string | undefined
  readonly closed: Moment

  /** `note`: in the words of whoever ended it. */
  constructor(connection: Connection, note: string | undefined, now: Moment) {
    this.id = connection.id
    this.namespace = connection.namespace
    this.transport = connection.transport
    this.options = connection.options
    this.activity = connection.activity
    this.cursor = connection.cursor
    this.note = note
    this.closed = now
  }

  report(node: string): ClosedReport {
    const { state: _state, unsentBytes: _unsent, lag: _lag, ...rest } = reportOf(this, node, this.closed)
    const { reason, openedMs } = this.activity
    const { unixMs, monotonicMs } = this.closed
    return {
      ...rest,
      state: 'closed',
      since: Math.round(unixMs),
      reason: reason ?? 'gone',
      ...(this.note !== undefined && { note: this.note }),
      durationMs: Math.round(monotonicMs - openedMs),
    }
  }
}
