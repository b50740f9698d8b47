import type { GapNotice, SnapshotNotice } from '../protocol/control.js'
import type { TidingsEvent } from '../protocol/event.js'
import type { ClientError } from './error.js'

/**
 * - `idle`: nobody wants anything, or the hub said that there is no more (204, `bye` `ended`), or a refusal stopped it.
 * - `connecting`: asked, no `hello` yet. `connected`: live. `polling`: live by polls.
 * - `waiting`: will try again. `offline`: the same, and the platform says there is no network.
 * - `closed`: `close()` was called.
 */
export type ConnectionStatus = 'idle' | 'connecting' | 'connected' | 'polling' | 'waiting' | 'offline' | 'closed'

/** What one connection is to carry. */
export interface Wanted {
  /** Sorted. */
  readonly topics: readonly string[]
  /** Also the topics that the hub gives to the person without being named. */
  readonly own: boolean
}

export interface Stream {
  readonly id: number
  readonly request: Wanted
  /** The cursor it was opened with; empty: from now. */
  readonly cursor: string
}

/** A stream whose `hello` has come. Moments are monotonic ms. */
interface LiveStream extends Stream {
  readonly connectionId: string
  readonly heartbeatMs: number
  readonly upAt: number
  readonly lastByteAt: number
}

export interface MachineState {
  readonly closed: boolean
  /** False after `disconnect()`. */
  readonly enabled: boolean
  /** Stopped by an answer: until the subscriptions change, or until `connect()`. */
  readonly parked: null | 'change' | 'connect'
  /** The page is in the back-forward cache. */
  readonly frozen: boolean
  readonly online: boolean
  readonly want: Wanted | null
  /** The stream that hands events on. */
  readonly current: LiveStream | null
  /** The stream that will take its place at its `hello`. */
  readonly opening: Stream | null
  /** A timer will try again. */
  readonly waiting: boolean
  /** Nobody tries before this moment: the hub said so. */
  readonly notBefore: number
  readonly nextId: number
  /** The last cursor seen; empty before the first. */
  readonly cursor: string
  /** Tries since the last connection that was stable. */
  readonly attempt: number
  readonly maxAttempts: number
  /** Failures since the start. */
  readonly failures: number
  /** The token was refreshed since the last `hello`. */
  readonly refreshed: boolean
  readonly retryMs: number
  readonly error: ClientError | null
  readonly lastEvent: TidingsEvent | null
}

/** Two timers belong to a stream: `opening` waits for its `hello`, `current` is its watchdog. */
export type TimerName = 'batch' | 'retry' | 'opening' | 'current'

/** What may happen. */
export type Input =
  | { readonly type: 'want'; readonly want: Wanted | null }
  | { readonly type: 'connect' | 'disconnect' | 'reconnect' | 'close' }
  | { readonly type: 'online' | 'offline' | 'visible' | 'frozen' | 'resumed' }
  | { readonly type: TimerName }
  | StreamInput

/** News of one stream. Of one that is neither current nor opening it changes nothing. */
type StreamInput = StreamNews & { readonly stream: number }

/** What streams tell. */
export type StreamNews =
  | { readonly type: 'byte' }
  | { readonly type: 'retryField'; readonly retryMs: number }
  | {
      readonly type: 'message'
      readonly name: string
      /** The last `id:` of the stream. */
      readonly cursor: string
      /** Parsed JSON; undefined where it was none. */
      readonly data: unknown
    }
  | { readonly type: 'ended'; readonly cause?: unknown }
  | Failed

/** An answer that is no stream. */
export interface Failed {
  readonly type: 'failed'
  readonly status: number
  readonly error: ClientError
  readonly retryAfterMs: number
}

/** What is to be done about it, in order. */
export type Action =
  | { readonly type: 'open'; readonly stream: Stream; readonly refresh: boolean }
  | { readonly type: 'abort'; readonly stream: number }
  /** Replaces the timer of this name; null stops it. */
  | { readonly type: 'timer'; readonly name: TimerName; readonly ms: number | null }
  /** What this stream carries is complete from its cursor on. */
  | { readonly type: 'joined'; readonly stream: Stream }
  | { readonly type: 'deliver'; readonly event: TidingsEvent; readonly cursor: string; readonly request: Wanted }
  | { readonly type: 'gap'; readonly notice: GapNotice }
  | { readonly type: 'snapshot'; readonly notice: SnapshotNotice }
  /** The hub refuses `error.topics`: to be answered by a `want` without them. */
  | { readonly type: 'refused'; readonly error: ClientError }
  | { readonly type: 'report'; readonly error: ClientError }

export interface Step {
  readonly state: MachineState
  readonly actions: readonly Action[]
}

/** The moment and the luck of a step: handed in, so that a step is a pure function. */
export interface Moment {
  /** Monotonic ms. */
  readonly at: number
  /** In [0, 1). */
  readonly fraction: number
}

/** A step while it is being made: the next state, already a copy, and the actions so far. */
export interface Turn extends Moment {
  readonly state: { -readonly [Key in keyof MachineState]: MachineState[Key] }
  readonly actions: Action[]
}
