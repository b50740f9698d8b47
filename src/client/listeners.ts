import { ClientError } from './error.js'

/** Calls `task` of the application; what it throws, at once or later, is reported and stops nobody else. */
export const guarded = (task: () => unknown, report: (error: ClientError) => void): void =>
  void new Promise((done) => done(task())).catch((cause) =>
    report(new ClientError('client', `A handler threw: ${cause}`, { cause })),
  )

/** Listeners that may come and go while they are called, and may throw without harm to one another. */
export interface Listeners<Value> {
  add(listener: (value: Value) => void): () => void
  call(value: Value): void
  size(): number
}

export function createListeners<Value>(report: (error: ClientError) => void): Listeners<Value> {
  const all = new Set<{ readonly listener: (value: Value) => void }>()
  return {
    add(listener) {
      // The same function may be added twice.
      const entry = { listener }
      all.add(entry)
      return () => void all.delete(entry)
    },
    call(value) {
      for (const entry of [...all]) guarded(() => all.has(entry) && entry.listener(value), report)
    },
    size: () => all.size,
  }
}
