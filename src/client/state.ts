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

/** How a connection carries events: as one stream, or in slices (spec C4). */
export type Transport = 'sse' | 'poll'
/** `auto`: a stream, and polls where something between here and the hub breaks streams. */
export type TransportChoice = Transport | 'auto'

/** What one connection is to carry. */
export interface Wanted {
  /** Sorted. */
  readonly topics: readonly string[]
  /** Also the topics that the hub gives to the person without being named. */
  readonly own: boolean
}

/** One stream, or one row of polls: what they tell is the same. */
export interface Stream {
  readonly id: number
  readonly transport: Transport
  readonly request: Wanted
  /** The cursor it was opened with; empty: from now. */
  readonly cursor: string
}

/** A stream whose `hello` has come; of polls the first answer counts as one. Moments are monotonic ms. */
export interface LiveStream extends Stream {
  readonly connectionId: string
  readonly heartbeatMs: number
  readonly upAt: number
  readonly lastByteAt: number
}

/**
 * Why nothing is opened, where anything is wanted: until the subscriptions change, or until `connect()`, because of an
 * answer or of `disconnect()`; while the page is in the back-forward cache; or for good, after `close()`.
 */
export type Parked = null | 'change' | 'connect' | 'frozen' | 'closed'

export interface MachineState {
  readonly parked: Parked
  readonly online: boolean
  readonly want: Wanted | null
  readonly choice: TransportChoice
  /** What the next connection is opened by. */
  readonly mode: Transport
  /** The stream that hands events on. */
  readonly current: LiveStream | null
  /** What is being opened: whose `hello` comes takes the current one's place. Both while polls are tried beside a late
   *  stream, or a stream beside polls. */
  readonly sse: Stream | null
  readonly poll: Stream | null
  /** Streams in a row that said nothing, or fell silent, since one was stable. */
  readonly misses: number
  /** Streams tried beside polls since one was stable. */
  readonly probes: number
  /** A timer will try again. */
  readonly waiting: boolean
  /** Nobody tries before this moment: the hub said so. */
  readonly notBefore: number
  readonly nextId: number
  /** Plus one for each stream that said `hello`. While it is below `nextId`, a stream that we let go of may yet take the place
   *  of ours, also of a later one. */
  readonly joined: number
  /** The last cursor seen; empty before the first. */
  readonly cursor: string
  /** Tries since the last connection that was stable. */
  readonly attempt: number
  readonly maxAttempts: number
  /** Failures since the start. */
  readonly failures: Readonly<Record<Transport, number>>
  /** The token was refreshed since the last `hello`. */
  readonly refreshed: boolean
  readonly retryMs: number
  readonly error: ClientError | null
  readonly lastEvent: TidingsEvent | null
}

/** The places of streams. */
export type Slot = 'current' | Transport

/** Each place has a timer: of what is being opened it waits for its `hello`, of the current one it is the watchdog. */
export type TimerName = 'batch' | 'retry' | 'late' | 'probe' | Slot

/** What may happen. */
export type Input =
  | { readonly type: 'want'; readonly want: Wanted | null }
  | { readonly type: 'connect' | 'disconnect' | 'reconnect' | 'close' }
  | { readonly type: 'transport'; readonly choice: TransportChoice }
  | { readonly type: 'online' | 'offline' | 'visible' | 'frozen' | 'resumed' }
  | { readonly type: TimerName }
  | StreamInput

/** News of one stream. Of one that has no place any more it changes nothing. */
type StreamInput = StreamNews & { readonly stream: number }

/** What streams tell. */
export type StreamNews =
  /** The request is on its way: what came before, a sign-in say, tells nothing about the network to the hub. */
  | { readonly type: 'sent' }
  /** `cursor`: the last `id:` of the stream. */
  | { readonly type: 'byte'; readonly cursor: string }
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
  /** Default 0. */
  readonly retryAfterMs?: number
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
  /** Where the stream stands that the input is news of. Says nothing where it is news of none. */
  readonly slot: Slot
  readonly actions: Action[]
}
