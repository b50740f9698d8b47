import { type Clock, type TimerOptions, wait } from '../clock.js'

/** One listener a signal, however many wait: Node takes more than ten of them for a leak and says so. */
const waiting = new WeakMap<AbortSignal, Set<() => void>>()

/** Calls `task` when `closing` fires, or at once where it has, unless the returned function was called before. */
export function onClosing(closing: AbortSignal, task: () => void): () => void {
  if (closing.aborted) {
    task()
    return () => {}
  }
  const tasks = waiting.get(closing) ?? begin(closing)
  // A function of its own: the same task may wait twice.
  const entry = (): void => task()
  tasks.add(entry)
  return () => void tasks.delete(entry)
}

function begin(closing: AbortSignal): Set<() => void> {
  const tasks = new Set<() => void>()
  waiting.set(closing, tasks)
  closing.addEventListener(
    'abort',
    () => {
      for (const task of tasks) task()
    },
    { once: true },
  )
  return tasks
}

/** Resolves after `delayMs` of `clock`, or at once when `closing` fires. Never rejects. */
export async function waitUnlessClosing(
  clock: Clock,
  delayMs: number,
  closing: AbortSignal,
  options?: TimerOptions,
): Promise<void> {
  const ended = new AbortController()
  const undo = onClosing(closing, () => ended.abort())
  await wait(clock, delayMs, ended.signal, options)
  undo()
}
