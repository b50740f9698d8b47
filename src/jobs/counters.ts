/** What this process has done for jobs since it started (J5). */
export interface JobCounters {
  /** Commands that counted. */
  commands: number
  /** Of those, updates. */
  updates: number
  /** Progress events that left: of as many updates, the rest was merged into them. */
  progressEvents: number
  /** All events of jobs. */
  events: number
  /** Writes to the store that were carried out, each with as many commands as had gathered. */
  writes: number
  /** Writes that another process had forestalled, and that were made again. */
  conflicts: number
}

export interface JobStats extends Readonly<JobCounters> {
  /** Jobs and groups that this process remembers right now; those that nobody asks for are forgotten within two sweeps. */
  readonly remembered: number
}

export const newJobCounters = (): JobCounters => ({
  commands: 0,
  updates: 0,
  progressEvents: 0,
  events: 0,
  writes: 0,
  conflicts: 0,
})
