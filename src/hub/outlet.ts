import type { Frame } from './frame.js'

/**
 * Where a connection's frames go: a socket, a response body, the answer of a poll, an iterator. The connection decides
 * what is sent and in which order; the outlet only carries it and says when it has had enough.
 */
export interface Outlet {
  readonly transport: 'sse' | 'poll' | 'process'
  /** More than it should hold is waiting: stop pushing until `drained` is called. One push over the limit is still carried whole. */
  readonly full: boolean
  /** Bytes wait that the other side has not taken yet. */
  readonly hasUnsent: boolean
  /** How many, where it counts them. */
  readonly unsentBytes?: number
  /** Changes whenever waiting bytes leave, also when only some do, and by nothing else. Compared by `===`. */
  readonly progress: unknown
  /** Called once, before anything is pushed. */
  listen(listener: OutletListener): void
  /** Takes one frame; frames of one tick leave together. */
  push(frame: Frame): void
  /** Sends what was pushed without waiting for the end of the tick. */
  flush(): void
  /** The connection has caught up: nothing more is known to follow. */
  settled(): void
  /** Sends what was pushed, then ends. */
  end(): void
  /** Lets go at once, whatever is still waiting. */
  abort(): void
}

/** What the outlet tells its connection. */
export interface OutletListener {
  /** No longer full. */
  drained(): void
  /** The other side is gone, or the outlet has ended. */
  gone(): void
}
