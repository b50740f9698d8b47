/**
 * Time and timers as a value that is handed in, so that tests and simulations decide what time it is.
 * This file and `random.ts` are the only places in `src/` that touch the platform's globals; a lint rule keeps it so.
 */
export interface Clock {
  /** Wall clock, Unix ms. May jump; use it for what people see and what outlives the process. */
  now(): number
  /** Milliseconds from an arbitrary start; never falls. Use it for every duration. */
  monotonic(): number
  /** Calls `task` once after `delayMs` (at least 0). A delay over {@link longestDelayMs} is waited for in parts. */
  setTimer(task: () => void, delayMs: number, options?: TimerOptions): Timer
}

export interface TimerOptions {
  /** A Node process does not end while this timer is set. Default false: a library must not keep its host alive. */
  readonly keepsProcess?: boolean
}

export interface Timer {
  /** After this the task is never called. Safe to call twice. */
  cancel(): void
}

/** `setTimeout` takes 31 bits and fires at once beyond that. */
export const longestDelayMs = 2 ** 31 - 1

/** A timer that comes later than this comes late because the process stood still: an overloaded machine, a long collection. */
const lateMs = 100
/** What reached the process meanwhile is heard within this, before the timer judges that it did not come. */
const graceMs = 50

/**
 * The platform's own time. Its timers do not keep a Node process alive unless asked. Timers run before sockets are read, so
 * after a standstill every timeout would fire on answers that are there already: a late timer waits {@link graceMs} more.
 */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(task, delayMs, { keepsProcess = false } = {}) {
    let handle: ReturnType<typeof setTimeout>
    const after = (ms: number, then: () => void): void => {
      handle = setTimeout(then, ms)
      if (typeof handle === 'object' && !keepsProcess) handle.unref()
    }
    const arm = (leftMs: number): void => {
      const stepMs = Math.min(leftMs, longestDelayMs)
      const lateAtMs = performance.now() + stepMs + lateMs
      after(stepMs, () => {
        if (leftMs > stepMs) arm(leftMs - stepMs)
        else if (performance.now() > lateAtMs) after(graceMs, task)
        else task()
      })
    }
    arm(Math.max(0, delayMs))
    return { cancel: () => clearTimeout(handle) }
  },
}

/** The same without its care: timers of at most {@link longestDelayMs}, and a Node process waits for them. It weighs less. */
export const lightClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(task, delayMs) {
    const handle = setTimeout(task, delayMs)
    return { cancel: () => clearTimeout(handle) }
  },
}

/** Resolves after `delayMs` of `clock`, or at once when `signal` fires. Never rejects. */
export function wait(clock: Clock, delayMs: number, signal?: AbortSignal, options?: TimerOptions): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const done = (): void => {
      timer.cancel()
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = clock.setTimer(done, delayMs, options)
    signal?.addEventListener('abort', done, { once: true })
  })
}
