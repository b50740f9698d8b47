import type { Clock } from '#src/clock.js'

/** Real time that passes `factor` times as fast, for hub and client alike: minutes of a protocol in seconds of a test. */
export function scaledClock(factor: number): Clock {
  const startWall = Date.now()
  const start = performance.now()
  const monotonic = (): number => (performance.now() - start) * factor
  return {
    monotonic,
    now: () => startWall + monotonic(),
    setTimer(task, delayMs) {
      const handle = setTimeout(task, Math.max(0, delayMs) / factor)
      return { cancel: () => clearTimeout(handle) }
    },
  }
}
