/** What happened on this node since it started. */
export interface Counters {
  published: number
  duplicates: number
  delivered: number
  /** Left out for readers that lagged, by E5 and by E6. */
  leftOutLow: number
  conflated: number
  /** Held back by `filter` (A3). */
  withheld: number
  gaps: number
  opened: number
  closed: number
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

export const newCounters = (): Counters => ({
  published: 0,
  duplicates: 0,
  delivered: 0,
  leftOutLow: 0,
  conflated: 0,
  withheld: 0,
  gaps: 0,
  opened: 0,
  closed: 0,
})
