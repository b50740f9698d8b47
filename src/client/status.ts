import type { TidingsEvent } from '../protocol/event.js'
import type { ClientError } from './error.js'
import type { ConnectionStatus, MachineState, Transport } from './state.js'

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

/** A state as people look at it. */
export function describe(state: MachineState): ClientStatus {
  const { current, lastEvent, error, attempt, failures, cursor } = state
  return {
    status: statusOf(state),
    transport: current?.transport ?? null,
    connectionId: current?.connectionId ?? null,
    lastEvent,
    error,
    attempt: current ? 0 : attempt,
    failures,
    cursor: cursor || null,
  }
}

/** The state in the one word that people are shown. */
export function statusOf(state: MachineState): ConnectionStatus {
  const { parked, current, online } = state
  if (parked === 'closed') return parked
  if (current) return !online ? 'offline' : current.transport === 'poll' ? 'polling' : 'connected'
  if (state.sse || state.poll) return 'connecting'
  if (state.waiting || parked === 'frozen') return online ? 'waiting' : 'offline'
  return 'idle'
}

/** Whether two descriptions say the same. */
export function alike(a: ClientStatus, b: ClientStatus): boolean {
  return (Object.keys(a) as (keyof ClientStatus)[]).every((key) => a[key] === b[key])
}
