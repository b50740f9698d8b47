import { backoffFromMs, backoffToMs } from '../protocol/defaults.js'

/** A hub that asks for more than this is waited for this long: a wrong date must not silence a page for ever. */
const longestRetryAfterMs = 3_600_000

/**
 * Full jitter (spec C2): a random part of a bound that starts at `retryMs` and doubles with each attempt, so that ten
 * thousand readers of a restarted hub come back spread out, and the longer it is away the thinner.
 */
export function backoffMs(attempt: number, retryMs: number, fraction: number): number {
  // A `retry:` of 0 would make a reader hammer, one of a day would silence it.
  return fraction * Math.min(backoffToMs, Math.max(backoffFromMs, retryMs) * 2 ** attempt)
}

/** What a hub asked for, however it was written: nonsense counts as 0. */
export function clampRetryAfterMs(ms: unknown): number {
  return Math.min(longestRetryAfterMs, Math.max(0, Number(ms) || 0))
}
