/** How the next poll is asked for. */
export interface Pace {
  /** The hub may hold the answer for this long, s; 0: it answers at once. */
  readonly waitS: number
  /** Before it is asked, ms. */
  readonly pauseMs: number
  /** Held answers come through here. Once one was cut, polls go by an interval. */
  readonly holds: boolean
}

/** Under the 25 s and 30 s after which some proxies cut a quiet answer. */
const waitS = 20
const intervalMs = { from: 5_000, to: 30_000 } as const
/** An answer that was asked to be held and comes sooner, with nothing in it, was not held by a hub. */
const heldMs = 1_000

/** The first poll is answered at once: it proves that polls are. */
export const firstPace: Pace = { waitS: 0, pauseMs: 0, holds: true }

/** After an answer that took `tookMs`; `quiet`: it had nothing in it; `more`: there is more to fetch at once. */
export function paceAfter(
  pace: Pace,
  { quiet, more, tookMs }: { quiet: boolean; more: boolean; tookMs: number },
): Pace {
  if (more) return { ...pace, pauseMs: 0 }
  const { from, to } = intervalMs
  if (!pace.holds) return { ...pace, pauseMs: quiet && pace.pauseMs ? Math.min(to, pace.pauseMs * 1.5) : from }
  return { ...pace, waitS, pauseMs: quiet && pace.waitS > 0 && tookMs < heldMs ? heldMs : 0 }
}

/** After a poll that was cut; null: it was to be answered at once, so there is nothing gentler left to try. */
export function paceAfterCut(pace: Pace): Pace | null {
  return pace.waitS > 0 ? { waitS: 0, pauseMs: 0, holds: false } : null
}
