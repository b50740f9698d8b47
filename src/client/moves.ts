import { backoffMs } from './backoff.js'
import type { ClientError } from './error.js'
import { same } from './same.js'
import type { LiveStream, MachineState, Parked, Slot, Stream, TimerName, Transport, Turn, Wanted } from './state.js'

/** A first byte may take a slow proxy, but a person should not look at nothing for longer. */
export const helloWithinMs = 15_000
/** As many streams in a row without a word, and the next try is a poll (spec C4). */
const missesBeforePoll = 3
/** While polls are in use a stream is tried at once, after twice this, then after twice as long: eight minutes at most. */
const probeFromMs = 15_000
const longestProbeMs = 480_000
/** A connection that lasted this long was a good one: the next failure starts counting anew. */
const stableAfterMs = 10_000

export const slots = ['current', 'sse', 'poll'] as const

/** Sets the timer of this name; without `ms`, stops it. */
export function setTimer({ actions }: Turn, name: TimerName, ms: number | null = null): void {
  actions.push({ type: 'timer', name, ms })
}

/** What is to be connected now, if anything is. */
const wanted = ({ parked, want }: MachineState): Wanted | null => (parked ? null : want)

/** Lets go of the streams in these places and of their timers. */
export function letGo(turn: Turn, ...places: readonly Slot[]): void {
  for (const slot of places) {
    const stream = turn.state[slot]
    if (stream) turn.actions.push({ type: 'abort', stream: stream.id })
    turn.state[slot] = null
    setTimer(turn, slot)
    if (slot === 'sse') setTimer(turn, 'late')
  }
}

/** Lets go of everything that is under way. */
export function drop(turn: Turn): void {
  letGo(turn, ...slots)
  turn.state.waiting = false
  setTimer(turn, 'retry')
  setTimer(turn, 'probe')
}

/**
 * Opens a stream for what is wanted now, at the cursor; the one that is up stays until the new one's `hello`. Of another
 * transport than the one in use, it is a trial beside what there is.
 */
export function open(turn: Turn, transport: Transport = turn.state.mode, refresh = false): void {
  const { state, actions } = turn
  const request = wanted(state)
  if (!request) return
  if (transport === state.mode) {
    letGo(turn, 'sse', 'poll')
    setTimer(turn, 'retry')
    state.waiting = false
  }
  state.refreshed ||= refresh
  const stream = { id: state.nextId++, transport, request, cursor: state.cursor }
  state[transport] = stream
  actions.push({ type: 'open', stream, refresh })
  setTimer(turn, transport, helloWithinMs)
}

/** Opens now, or as soon as the hub allows. */
export function openSoon(turn: Turn): void {
  const { state, at } = turn
  if (state.notBefore <= at) return open(turn)
  state.waiting = true
  setTimer(turn, 'retry', state.notBefore - at)
}

/** Makes true what is wanted, if it is not already on its way. */
export function settle(turn: Turn): void {
  const { state } = turn
  const want = wanted(state)
  const fits = (slot: Slot): boolean => same(state[slot]?.request, want)
  if (!want) return drop(turn)
  if (state.waiting || fits(state.mode)) return
  if (!fits('current') || (state.current as LiveStream).transport !== state.mode) openSoon(turn)
}

/** When a stream is tried again beside the polls that are in use. */
export function planProbe(turn: Turn): void {
  const { probes } = turn.state
  setTimer(turn, 'probe', probes && Math.min(longestProbeMs, probeFromMs * 2 ** probes))
}

/** Stops; an error is told. */
export function park(turn: Turn, until: Parked, error: ClientError | null = null): void {
  drop(turn)
  turn.state.parked = until
  blame(turn, error)
}

/** Says why there is no connection, once. */
function blame({ state, actions }: Turn, error: ClientError | null): void {
  state.error = error
  if (error) actions.push({ type: 'report', error })
}

/**
 * Tries again with growing pauses, and never before `retryAfterMs` have passed: by a poll where streams say nothing, by a
 * stream where polls are not answered either.
 */
export function retry(turn: Turn, stream: Stream, error: ClientError, retryAfterMs = 0): void {
  const { state } = turn
  const spoke = 'upAt' in stream
  count(turn, stream.transport)
  // A refresh that was cut short is tried again.
  state.refreshed = false
  // A stream that spoke and was cut is short, not broken; one that fell silent may be.
  if (stream.transport === 'sse') state.misses = spoke && error.kind !== 'timeout' ? 0 : state.misses + 1
  if (state.choice === 'auto') {
    state.mode = (stream.transport === 'poll' ? spoke : state.misses >= missesBeforePoll) ? 'poll' : 'sse'
    // The late stream that was to be replaced may still say hello.
    if (state[state.mode]) return
  }
  if (state.attempt + 1 >= state.maxAttempts) return park(turn, 'connect', error)
  blame(turn, error)
  pause(turn, retryAfterMs, true)
}

const count = ({ state }: Turn, transport: Transport): void => {
  state.failures = { ...state.failures, [transport]: state.failures[transport] + 1 }
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
 * The stream in `slot` (default: the one that the input is news of) is over: `otherwise`, unless another is on its way in its
 * place, or it was a probe, whose polls hear of refusals themselves. One that was well from its `hello` until `until` makes
 * the failure the first one.
 */
export function lost(turn: Turn, otherwise: (stream: Stream) => void, slot = turn.slot, until = turn.at): void {
  const { state } = turn
  const stream = state[slot]
  if (!stream) return
  // Of one that is being opened `upAt` is undefined, which makes this false.
  if (until - (stream as LiveStream).upAt >= stableAfterMs) {
    state.attempt = 0
    if (stream.transport === 'sse') state.misses = state.probes = 0
  }
  letGo(turn, slot)
  if (slot === 'sse' && state.mode === 'poll') count(turn, slot)
  else if (slot !== 'current' || !state[state.mode]) otherwise(stream)
}
