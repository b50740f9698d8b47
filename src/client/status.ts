import type { TidingsEvent } from '../protocol/event.js'
import type { ClientError } from './error.js'
import type { ConnectionStatus, Transport } from './state.js'

/** The state of a client as people and programs look at it (spec C7). */
export interface ClientStatus {
  readonly status: ConnectionStatus
  /** What carries events at the moment. */
  readonly transport: Transport | null
  /** Null while there is no connection. */
  readonly connectionId: string | null
  readonly lastEvent: TidingsEvent | null
  /** Why there is no connection; null while there is one. */
  readonly error: ClientError | null
  /** Tries since the last stable connection; 0 while connected. */
  readonly attempt: number
  /** Failures since the client was made, of each transport. */
  readonly failures: Readonly<Record<Transport, number>>
  /** The last position seen; null before the first. */
  readonly cursor: string | null
}

/** A value that changes: what React's `useSyncExternalStore` and its kin take. */
export interface Readable<Value> {
  /** Calls `listener` after each change; returns its undo. */
  subscribe(listener: () => void): () => void
  /** The same object until something changes. */
  getSnapshot(): Value
}

/** Listeners that may come and go while they are called, and may throw without harm to one another. */
export interface Listeners<Value> {
  add(listener: (value: Value) => void): () => void
  call(value: Value): void
  size(): number
}

export function createListeners<Value>(failed: (cause: unknown) => void): Listeners<Value> {
  const all = new Set<{ readonly listener: (value: Value) => void }>()
  return {
    add(listener) {
      // The same function may be added twice.
      const entry = { listener }
      all.add(entry)
      return () => void all.delete(entry)
    },
    call(value) {
      for (const entry of [...all]) {
        try {
          if (all.has(entry)) entry.listener(value)
        } catch (cause) {
          failed(cause)
        }
      }
    },
    size: () => all.size,
  }
}

/** Before anything has happened. */
export const initialStatus: ClientStatus = {
  status: 'idle',
  transport: null,
  connectionId: null,
  lastEvent: null,
  error: null,
  attempt: 0,
  failures: { sse: 0, poll: 0 },
  cursor: null,
}

/** Whether two descriptions say the same. */
export function alike(a: ClientStatus, b: ClientStatus): boolean {
  return (Object.keys(a) as (keyof ClientStatus)[]).every((key) => a[key] === b[key])
}
