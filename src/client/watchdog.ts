import { heartbeatMs as defaultHeartbeatMs, watchdogHeartbeats } from '../protocol/defaults.js'

/**
 * A half-open connection delivers nothing and never ends, so silence itself is the sign (spec C3). It is measured between
 * moments of the monotonic clock, never by counting timers: a hidden tab's timers run once a minute.
 */
export const silenceLimitMs = (heartbeatMs: number): number => heartbeatMs * watchdogHeartbeats

/** `heartbeatMs` as a hub told it, or the default where it is no use. */
export const usableHeartbeatMs = (told = 0): number => (told >= 100 ? told : defaultHeartbeatMs)
