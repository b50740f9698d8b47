import type { Clock } from '../../clock.js'

/** A clock that knows how many of its timers are set. */
export interface CountedClock extends Clock {
  readonly timers: number
}

/** The same time and timers, with a count of those that have neither come nor been cancelled (O3): one that only rises is a leak. */
export function countedClock(clock: Clock): CountedClock {
  let timers = 0
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    get timers() {
      return timers
    },
    setTimer(task, delayMs, options) {
      let isSet = true
      const done = (): void => {
        if (isSet) timers--
        isSet = false
      }
      timers++
      const timer = clock.setTimer(
        () => {
          done()
          task()
        },
        delayMs,
        options,
      )
      return {
        cancel() {
          done()
          timer.cancel()
        },
      }
    },
  }
}
