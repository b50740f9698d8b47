/**
 * How often a job's progress leaves (J5), decided from what the job's state remembers, so that all processes that write
 * one job keep one rate together. Time earns credit, an event costs some, and half a second's events may be saved up. So a
 * small job sends each step at once, and of a busy one no second sees more events than its rate: what was saved and what a
 * second earns are together no more than that.
 */
export interface Throttle {
  /** Whole milliseconds stand for tokens. */
  readonly creditMs: number
  /** The store's clock when the credit was counted. */
  readonly countedAt: number
  readonly eventsPerSecond: number
}

const savedOf = (rate: number): number => Math.max(1, Math.floor(rate / 2))
const costMsOf = (rate: number): number => Math.ceil(1_000 / Math.max(1, rate - savedOf(rate)))
const fullMsOf = (rate: number): number => savedOf(rate) * costMsOf(rate)

export const freshThrottle = (eventsPerSecond: number, now: number): Throttle => ({
  creditMs: fullMsOf(eventsPerSecond),
  countedAt: now,
  eventsPerSecond,
})

/** Credit at `now`. A clock that fell earns nothing. */
export function earn(throttle: Throttle, now: number): Throttle {
  const passedMs = now - throttle.countedAt
  if (passedMs <= 0) return throttle
  const creditMs = Math.min(fullMsOf(throttle.eventsPerSecond), throttle.creditMs + passedMs)
  return { ...throttle, creditMs, countedAt: now }
}

/** More than can be saved up costs all of it, or it would never leave: lines of the log beside progress at a low rate. */
function costOf({ eventsPerSecond }: Throttle, events: number): number {
  return Math.min(fullMsOf(eventsPerSecond), events * costMsOf(eventsPerSecond))
}

/** The throttle after `events` have left, or null when they must wait. */
export function spend(throttle: Throttle, events: number): Throttle | null {
  const left = throttle.creditMs - costOf(throttle, events)
  return left < 0 ? null : { ...throttle, creditMs: left }
}

/** From `countedAt` on: when `events` may leave. */
export function waitMs(throttle: Throttle, events: number): number {
  return Math.max(0, costOf(throttle, events) - throttle.creditMs)
}
