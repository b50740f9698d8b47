/** What happened on this node since it started. */
export interface Counters {
  published: number
  duplicates: number
  delivered: number
  /** Left out for readers that lagged, by E5 and by E6. */
  leftOutLow: number
  conflated: number
  gaps: number
  opened: number
  closed: number
}

export const newCounters = (): Counters => ({
  published: 0,
  duplicates: 0,
  delivered: 0,
  leftOutLow: 0,
  conflated: 0,
  gaps: 0,
  opened: 0,
  closed: 0,
})
