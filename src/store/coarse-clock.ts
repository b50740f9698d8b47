/** At `timeMs` the last number was `seq`: what is at or below it was stamped at or before, all later events at or after. */
export interface CoarseMoment {
  readonly timeMs: number
  readonly seq: number
}

/**
 * Which number was the last at which time, to about a minute, for as far back as the longest retention. Trimming by age,
 * positions by time and the proof of a cursor on a quiet topic all use it, so that no topic needs a tombstone.
 */
export class CoarseClock {
  readonly #intervalMs: number
  readonly #moments: CoarseMoment[] = []

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs
  }

  /** Call before each append, and in idle times, with the number that is still the last. */
  note(timeMs: number, seq: number): void {
    const latest = this.#moments.at(-1)
    if (!latest || (timeMs - latest.timeMs >= this.#intervalMs && seq > latest.seq)) this.#moments.push({ timeMs, seq })
  }

  /** A number before the first event stamped at or after `timeMs`, at most one interval of events before it; 0 = unknown. */
  before(timeMs: number): number {
    return this.#moments.findLast((moment) => moment.timeMs < timeMs)?.seq ?? 0
  }

  /** The last number of which everything at or below it was stamped at or before `timeMs`. */
  through(timeMs: number): number {
    return this.#moments.findLast((moment) => moment.timeMs <= timeMs)?.seq ?? 0
  }

  /** Forgets the moments before the last one at or before `timeMs`. */
  forget(timeMs: number): void {
    const keep = this.#moments.findLastIndex((moment) => moment.timeMs <= timeMs)
    if (keep > 0) this.#moments.splice(0, keep)
  }
}

/** The spec allows 10 % over the retention (S4); half of that goes to the coarseness, and a minute is fine enough. */
export function coarseIntervalMs(shortestAgeMs: number): number {
  return Math.max(1, Math.min(60_000, Math.floor(shortestAgeMs / 20)))
}
