/**
 * How often a job's progress leaves (J5), decided from what the job's state remembers, so that all processes that write
 * one job keep one rate together. Whole milliseconds stand for tokens: an event costs {@link costMs}, a second earns
 * five, and five may be saved up. So a small job sends each step at once, and in no second do more than ten leave.
 */
export interface Throttle {
  readonly creditMs: number
  /** The store's clock when the credit was counted. */
  readonly countedAt: number
}

const costMs = 200
const fullMs = 5 * costMs

export const freshThrottle = (now: number): Throttle => ({ creditMs: fullMs, countedAt: now })

/** Credit at `now`. A clock that fell earns nothing. */
export function earn(throttle: Throttle, now: number): Throttle {
  const passedMs = now - throttle.countedAt
  return passedMs <= 0 ? throttle : { creditMs: Math.min(fullMs, throttle.creditMs + passedMs), countedAt: now }
}

/** The throttle after `events` have left, or null when they must wait. */
export function spend(throttle: Throttle, events: number): Throttle | null {
  const left = throttle.creditMs - events * costMs
  return left < 0 ? null : { ...throttle, creditMs: left }
}

/** From `countedAt` on: when `events` may leave. */
export function waitMs(throttle: Throttle, events: number): number {
  return Math.max(0, events * costMs - throttle.creditMs)
}
