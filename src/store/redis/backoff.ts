import type { Random } from '../../random.js'

const firstMs = 50
const longestMs = 2_000

/** How long to wait before the next attempt: doubling, at most 2 s, half of it random so that nodes do not come at once. */
export function backoffMs(attempt: number, random: Random): number {
  const bound = Math.min(longestMs, firstMs * 2 ** Math.min(attempt, 10))
  return bound * (0.5 + random.fraction() / 2)
}
