import { type CloseReason, type GapReason, closeReasons, gapReasons } from '../protocol/control.js'
import { type JobStatus, jobStatuses } from '../protocol/job.js'
import type { Outlet } from './outlet.js'

export type ClosedBy = CloseReason | 'gone'

/** What happened on this node since it started. */
export interface Counters {
  published: number
  duplicates: number
  /** Events that this node put into the log, those of jobs among them. */
  stored: number
  /** Of those, events to `all`. */
  broadcasts: number
  delivered: number
  /** Left out for readers that lagged, by E5 and by E6. */
  leftOutLow: number
  conflated: number
  /** Held back by `filter` (A3). */
  withheld: number
  gaps: number
  readonly gapsBy: Record<GapReason, number>
  opened: number
  closed: number
  readonly openedBy: Record<Outlet['transport'], number>
  /** By the hub's reason; `gone`: the other side left, or had its answer. */
  readonly closedBy: Record<ClosedBy, number>
  /** Streams that came with a cursor. */
  returned: number
  /** Of those, streams whose cursor could be proved: they missed nothing. */
  resumed: number
  /** Bytes given to sockets and bodies of streams, framing included. */
  streamBytes: number
  /** Jobs that this node brought to a status. */
  readonly jobsBy: Record<JobStatus, number>
  /** Failures that no caller heard of. */
  errors: number
  /** Requests that were answered. */
  requests: number
  /** Of those, refused ones, by their code (P12). */
  readonly refusedBy: Record<string, number>
}

/** What is so right now. */
export interface Gauges {
  readonly connections: number
  /** Publishes that wait for the store (S5): their events, and their bytes about. */
  readonly queuedEvents: number
  readonly queuedBytes: number
  /** Publishes refused because the queue was full. */
  readonly queueRefused: number
  /** How often the store went away since the start. */
  readonly storeTimesAway: number
  /** How long it has been away by now; 0 while it is there. */
  readonly storeAwayMs: number
}

const zeros = <Name extends string>(names: readonly Name[]): Record<Name, number> =>
  Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>

export const newCounters = (): Counters => ({
  published: 0,
  duplicates: 0,
  stored: 0,
  broadcasts: 0,
  delivered: 0,
  leftOutLow: 0,
  conflated: 0,
  withheld: 0,
  gaps: 0,
  gapsBy: zeros(gapReasons),
  opened: 0,
  closed: 0,
  openedBy: zeros(['sse', 'poll', 'process']),
  closedBy: zeros([...closeReasons, 'gone']),
  returned: 0,
  resumed: 0,
  streamBytes: 0,
  jobsBy: zeros(jobStatuses),
  errors: 0,
  requests: 0,
  refusedBy: {},
})
