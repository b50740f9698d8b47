import type { Random } from '../random.js'

/** A {@link Random} that gives the same sequence for the same seed: a failure replays from the number it printed. */
export function seededRandom(seed: number): Random {
  let state = seed | 0
  /** mulberry32: one 32-bit word of state, period 2³², good enough to shuffle faults and jitter. Never for secrets. */
  const word = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  return {
    fraction: () => word() / 0x1_0000_0000,
    bytes: (length) => Uint8Array.from({ length }, () => word() >>> 24),
  }
}
