import type { Clock, Timer } from '../clock.js'

/** A {@link Clock} that a test moves by hand. */
export interface FakeClock extends Clock {
  /**
   * Lets `ms` pass: runs every timer that falls due on the way, each at its own moment, in order, and lets promises settle
   * before, between and after them. Timers that are set meanwhile run too if they fall due. `advance(0)` only settles.
   */
  advance(ms: number): Promise<void>
  /** Moves the wall clock alone (a leap, an operator); `monotonic()` and timers do not notice. */
  jump(ms: number): void
  /** Timers that are set and not yet due: a test of leaks expects 0. */
  readonly pending: number
}

interface Entry {
  readonly dueMs: number
  readonly order: number
  readonly task: () => void
}

/** 2026-01-01T00:00:00Z: any fixed moment, so that failures read the same tomorrow. */
const defaultStartMs = 1_767_225_600_000

/** A clock that stands still at `startMs` (Unix ms; default 2026-01-01) until it is told to move. */
export function fakeClock(startMs: number = defaultStartMs): FakeClock {
  const timers = new Set<Entry>()
  let wallMs = startMs
  let passedMs = 0
  let order = 0

  const pass = (untilMs: number): void => {
    wallMs += untilMs - passedMs
    passedMs = untilMs
  }
  const nextDue = (untilMs: number): Entry | undefined => {
    let next: Entry | undefined
    for (const entry of timers) {
      if (entry.dueMs > untilMs) continue
      if (!next || entry.dueMs < next.dueMs || (entry.dueMs === next.dueMs && entry.order < next.order)) next = entry
    }
    return next
  }

  return {
    now: () => wallMs,
    monotonic: () => passedMs,
    setTimer(task, delayMs): Timer {
      const entry = { dueMs: passedMs + Math.max(0, delayMs), order: order++, task }
      timers.add(entry)
      return { cancel: () => void timers.delete(entry) }
    },
    async advance(ms) {
      if (!(ms >= 0))
        throw new RangeError(`advance(ms) takes a number of at least 0, not ${ms}: time does not run back. See jump().`)
      const untilMs = passedMs + ms
      await settle()
      for (let entry = nextDue(untilMs); entry; entry = nextDue(untilMs)) {
        timers.delete(entry)
        pass(entry.dueMs)
        entry.task()
        await settle()
      }
      pass(Math.max(untilMs, passedMs))
    },
    jump(ms) {
      wallMs += ms
    },
    get pending() {
      return timers.size
    },
  }
}

/** A turn of the event loop runs all microtasks, however long their chain; the second is for what the first started. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}
