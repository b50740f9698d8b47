import { type EngineParts, runMachine } from './engine.js'
import { initialState, statusOf } from './machine.js'
import type { Input, MachineState, TransportChoice } from './state.js'
import type { ClientStatus } from './status.js'

/** What a connection is made of, whoever makes it: the client itself, or the tab that leads. */
export interface ConnectionParts extends Omit<EngineParts, 'state' | 'changed'> {
  readonly cursor: string
  readonly maxAttempts: number | undefined
  readonly transport: TransportChoice | undefined
  /** After each change. */
  readonly show: (status: ClientStatus) => void
}

/** Makes the connection of a client. Gives the way in for what happens. */
export function connect(parts: ConnectionParts): (input: Input) => void {
  const { cursor, maxAttempts, transport, show } = parts
  const state = initialState(cursor, maxAttempts, transport)
  return runMachine({ ...parts, state, changed: (next) => show(describe(next)) })
}

/** A state as people look at it. */
export function describe(state: MachineState): ClientStatus {
  const { current } = state
  return {
    status: statusOf(state),
    transport: current?.transport ?? null,
    connectionId: current?.connectionId ?? null,
    lastEvent: state.lastEvent,
    error: state.error,
    attempt: current ? 0 : state.attempt,
    failures: state.failures,
    cursor: state.cursor || null,
  }
}
