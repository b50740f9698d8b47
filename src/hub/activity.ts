import type { CloseReason } from '../protocol/control.js'
import { SentTypes } from './sent-types.js'

/** Where a connection stands (O2). */
export const connectionStates = ['connecting', 'connected', 'idle', 'stale', 'disconnecting'] as const
export type ConnectionState = (typeof connectionStates)[number]

/** No event for this long. */
const idleAfterMs = 60_000
/** Bytes wait for longer than this. */
const staleAfterMs = 10_000

/**
 * What one connection has done. There are ten thousand of these: mostly small whole numbers, which V8 keeps in place, and a
 * state is worked out when somebody asks. Times are whole ms of the monotonic clock.
 */
export class Activity {
  readonly openedMs: number
  greeted = false
  /** Of the last event, or of `hello`. */
  eventMs: number
  /** Of the last byte. */
  writeMs: number
  events = 0
  /** Of these, how many of each type; null: none yet. */
  types: SentTypes | null = null
  errors = 0
  /** Why the hub ended it; null: it did not. */
  reason: CloseReason | null = null

  constructor(nowMs: number) {
    this.openedMs = Math.trunc(nowMs)
    this.eventMs = this.openedMs
    this.writeMs = this.openedMs
  }

  wrote(nowMs: number): void {
    // The time that deliveries go by is coarse, and may lie before a moment that was noted exactly.
    this.writeMs = Math.max(this.writeMs, Math.trunc(nowMs))
  }

  greet(nowMs: number): void {
    this.greeted = true
    this.wrote(nowMs)
    this.eventMs = this.writeMs
  }

  sentEvent(nowMs: number, type: string): void {
    this.events++
    this.types ??= new SentTypes(type)
    this.types.add(type)
    this.wrote(nowMs)
    this.eventMs = this.writeMs
  }

  end(reason: CloseReason, nowMs: number): void {
    this.reason = reason
    this.wrote(nowMs)
  }

  /** The state, and since when. `stalledMs`: since when the bytes that wait are known to stand still; null: none wait. */
  stateAt(nowMs: number, stalledMs: number | null): { readonly state: ConnectionState; readonly sinceMs: number } {
    if (this.reason !== null) return { state: 'disconnecting', sinceMs: this.writeMs }
    if (!this.greeted) return { state: 'connecting', sinceMs: this.openedMs }
    if (stalledMs !== null && nowMs - stalledMs > staleAfterMs)
      return { state: 'stale', sinceMs: stalledMs + staleAfterMs }
    if (nowMs - this.eventMs >= idleAfterMs) return { state: 'idle', sinceMs: this.eventMs + idleAfterMs }
    return { state: 'connected', sinceMs: this.eventMs }
  }
}
