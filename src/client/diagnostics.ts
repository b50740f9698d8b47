import { type Clock, lightClock } from '../clock.js'
import type { TidingsEvent } from '../protocol/event.js'
import type { Action, ConnectionStatus, Input, MachineState } from './state.js'
import { describe } from './status.js'

/** What a client tells whoever wants to see its inside. */
export interface Observer {
  /** Something happened, and the machine went from one state to another. */
  step?(input: Input, before: MachineState, after: MachineState, actions: readonly Action[]): void
  /** An event came that this subscription has had already. */
  drop?(event: TidingsEvent, topic: string): void
}

/** One transition, or one event that was dropped. Never a payload, never a token. */
export interface DiagnosticEntry {
  /** Unix ms. */
  readonly at: number
  /** The input of the machine, with what tells it apart: `message ping`, `failed 503`, `retry`; or `drop`. */
  readonly what: string
  readonly before: ConnectionStatus
  readonly after: ConnectionStatus
  /** Where the client stands. */
  readonly cursor: string
  /** What was done about it: `open sse 3`, `abort 2`, `report connection`; of a drop, the topic and the event's id. */
  readonly did: readonly string[]
}

export interface Diagnostics extends Observer {
  /** The last 200, oldest first. */
  entries(): readonly DiagnosticEntry[]
}

export interface DiagnosticsOptions {
  /** Hears each entry as it comes; `console.debug` where the client's `debug` is set. */
  readonly log?: (entry: DiagnosticEntry) => void
  readonly clock?: Clock
}

const keptEntries = 200

/** Remembers what a client does: `createClient({ diagnostics: createDiagnostics() })` (spec C7). */
export function createDiagnostics({ log, clock = lightClock }: DiagnosticsOptions = {}): Diagnostics {
  const kept: DiagnosticEntry[] = []
  let status: ConnectionStatus = 'idle'
  let cursor = ''
  const add = (what: string, before: ConnectionStatus, did: readonly string[]): void => {
    const entry = { at: clock.now(), what, before, after: status, cursor, did }
    kept.push(entry)
    if (kept.length > keptEntries) kept.shift()
    log?.(entry)
  }
  return {
    entries: () => [...kept],
    step(input, before, after, actions) {
      // Bytes come by the hundred and change nothing that a person would look for; nor does news of a stream that was let go.
      if (input.type === 'byte' || (after === before && actions.length === 0)) return
      status = describe(after).status
      cursor = after.cursor
      add(nameOf(input), describe(before).status, actions.flatMap(namesOf))
    },
    drop: ({ id }, topic) => add('drop', status, [topic, id]),
  }
}

function nameOf(input: Input): string {
  if (input.type === 'message') return `message ${input.name}`
  if (input.type === 'failed') return `failed ${input.status} ${input.error.code}`
  if (input.type === 'transport') return `transport ${input.choice}`
  if (input.type === 'want') return `want ${input.want?.topics.length ?? 0} topics`
  return input.type
}

function namesOf(action: Action): string[] {
  if (action.type === 'open') return [`open ${action.stream.transport} ${action.stream.id}`]
  if (action.type === 'abort') return [`abort ${action.stream}`]
  if (action.type === 'report' || action.type === 'refused') return [`${action.type} ${action.error.kind}`]
  // Timers are set and stopped at each step.
  return action.type === 'timer' ? [] : [action.type]
}
