import type { Job } from './job.js'

/** What a stream says about itself, beside events. Readers ignore names they do not know (H9). */
export interface Hello {
  readonly connectionId: string
  /** The position before the first event that follows; absent where only the store, which is away, could tell it. */
  readonly cursor?: string
  /** Whether a cursor was given and could be proved. */
  readonly resumed: boolean
  readonly topics: readonly string[]
  /** Absent: every type. */
  readonly types?: readonly string[]
  readonly heartbeatMs: number
  readonly protocol: number
  /** The store is away; events come late (S5). */
  readonly degraded: boolean
}

export interface Ping {
  /** Absent as in {@link Hello}. */
  readonly cursor?: string
  readonly degraded: boolean
}

/** Why history is missing (D4): trimmed, lost by the store, another history, or a cursor nobody knows. */
export const gapReasons = ['expired', 'lost', 'epoch', 'unknown'] as const
export type GapReason = (typeof gapReasons)[number]

export interface GapNotice {
  /** The topics it is about; absent = all of the stream. */
  readonly topics?: readonly string[]
  readonly reason: GapReason
  /** From where the stream goes on. */
  readonly cursor: string
}

export interface SnapshotNotice {
  readonly job: Job
  /** The stream leaves out the job's events at or below it. */
  readonly cursor: string
}

/** Why the hub ends a stream (H3). */
export const closeReasons = [
  'shutdown',
  'rotate',
  'slow_consumer',
  'expired',
  'revoked',
  'kicked',
  'replaced',
  'ended',
  'upgrade',
  'idle',
  'refused',
] as const
export type CloseReason = (typeof closeReasons)[number]

export interface Bye {
  readonly reason: CloseReason
  readonly retryAfterMs: number
  /** Whether coming back makes sense. */
  readonly reconnect: boolean
  /** Of a stream that was refused for a time: the code of the problem, and the limit that was reached (H7). */
  readonly code?: string
  readonly limit?: string
}

/** Control events by their name on the wire. */
export interface Controls {
  hello: Hello
  ping: Ping
  gap: GapNotice
  snapshot: SnapshotNotice
  bye: Bye
}
export type ControlName = keyof Controls

export function isControlName(name: string): name is ControlName {
  return name === 'hello' || name === 'ping' || name === 'gap' || name === 'snapshot' || name === 'bye'
}
