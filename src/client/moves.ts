import { backoffMs } from './backoff.js'
import type { ClientError } from './error.js'
import type { MachineState, TimerName, Turn, Wanted } from './state.js'

/** A first byte may take a slow sign-in behind a slow proxy, but a person should not look at nothing for longer. */
const helloWithinMs = 15_000
/** A connection that lasted this long was a good one: the next failure starts counting anew. */
const stableAfterMs = 10_000

/** Sets the timer of this name; without `ms`, stops it. */
export const setTimer = ({ actions }: Turn, name: TimerName, ms: number | null = null): void =>
  void actions.push({ type: 'timer', name, ms })

export const same = (a: Wanted, b: Wanted): boolean => a.own === b.own && `${a.topics}` === `${b.topics}`

/** What is to be connected now, if anything is. */
const wanted = ({ enabled, frozen, parked, want }: MachineState): Wanted | null =>
  enabled && !frozen && !parked ? want : null

/** Lets go of a stream and its timer. */
export function letGo(turn: Turn, which: 'current' | 'opening'): void {
  const stream = turn.state[which]
  if (stream) turn.actions.push({ type: 'abort', stream: stream.id })
  turn.state[which] = null
  setTimer(turn, which)
}

/** Lets go of everything that is under way. */
export function drop(turn: Turn): void {
  letGo(turn, 'current')
  letGo(turn, 'opening')
  turn.state.waiting = false
  setTimer(turn, 'retry')
}

/** Opens a stream for what is wanted now, at the cursor; the one that is up stays until the new one's `hello`. */
export function open(turn: Turn, refresh = false): void {
  const { state, actions } = turn
  const request = wanted(state)
  if (!request) return
  letGo(turn, 'opening')
  setTimer(turn, 'retry')
  state.waiting = false
  state.refreshed ||= refresh
  state.opening = { id: state.nextId++, request, cursor: state.cursor }
  actions.push({ type: 'open', stream: state.opening, refresh })
  setTimer(turn, 'opening', helloWithinMs)
}

/** Opens now, or as soon as the hub allows. */
export function openSoon(turn: Turn): void {
  const { state, at } = turn
  if (state.notBefore <= at || !wanted(state)) return open(turn)
  state.waiting = true
  setTimer(turn, 'retry', state.notBefore - at)
}

/** Makes true what is wanted, if it is not already on its way. */
export function settle(turn: Turn): void {
  const { current, opening, waiting } = turn.state
  const want = wanted(turn.state)
  if (!want) return drop(turn)
  if (waiting || (opening && same(opening.request, want))) return
  if (current && same(current.request, want)) letGo(turn, 'opening')
  else openSoon(turn)
}

/** Stops until the subscriptions change or until `connect()`; an error is told. */
export function park(turn: Turn, until: 'change' | 'connect', error: ClientError | null): void {
  drop(turn)
  turn.state.parked = until
  turn.state.error = error
  if (error) turn.actions.push({ type: 'report', error })
}

/** Tries again with growing pauses, and never before `retryAfterMs` have passed. */
export function retry(turn: Turn, error: ClientError, retryAfterMs = 0): void {
  const { state, actions } = turn
  state.failures++
  // A refresh that was cut short is tried again.
  state.refreshed = false
  if (state.attempt + 1 >= state.maxAttempts) return park(turn, 'connect', error)
  state.error = error
  actions.push({ type: 'report', error })
  pause(turn, retryAfterMs, true)
}

/** Comes back after `retryAfterMs`, plus a random pause where `jitter` or where this is not the first time in a row. */
export function pause(turn: Turn, retryAfterMs: number, jitter: boolean): void {
  const { state, at, fraction } = turn
  const jitterMs = jitter || state.attempt ? backoffMs(state.attempt, state.retryMs, fraction) : 0
  state.waiting = true
  state.attempt++
  state.notBefore = at + retryAfterMs
  setTimer(turn, 'retry', retryAfterMs + jitterMs)
}

/**
 * A stream is over: `otherwise`, unless another is on its way or still up. One that was well from its `hello` until `until`
 * makes the failure the first one.
 */
export function lost(turn: Turn, which: 'current' | 'opening', until: number, otherwise: () => void): void {
  const { state } = turn
  if (which === 'current' && state.current && until - state.current.upAt >= stableAfterMs) state.attempt = 0
  letGo(turn, which)
  if (which === 'opening' || !state.opening) otherwise()
}
