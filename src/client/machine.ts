import type { Bye, Hello } from '../protocol/control.js'
import type { TidingsEvent } from '../protocol/event.js'
import { clampRetryAfterMs } from './backoff.js'
import { ClientError } from './error.js'
import {
  drop,
  helloWithinMs,
  letGo,
  lost,
  open,
  openSoon,
  park,
  pause,
  planProbe,
  retry,
  setTimer,
  settle,
  slots,
} from './moves.js'
import type {
  Action,
  Failed,
  Input,
  LiveStream,
  MachineState,
  Moment,
  Slot,
  Step,
  Stream,
  TransportChoice,
  Turn,
} from './state.js'
import { silenceLimitMs, usableHeartbeatMs } from './watchdog.js'

/** A stream that says nothing for this long may be held back by a proxy: a poll is tried beside it (spec C4). */
const lateAfterMs = 5_000
/** Subscriptions that change within this time change the stream once (spec C1). */
const batchMs = 50

/** One object, so that two beginnings look alike. */
const noFailures = { sse: 0, poll: 0 }

/** Where a machine begins. */
export interface Beginning {
  /** Goes on after this cursor. Default: from now. */
  readonly cursor?: string | undefined
  /** Default: it never gives up. */
  readonly maxAttempts?: number | undefined
  readonly transport?: TransportChoice | undefined
}

export function initialState({
  cursor = '',
  maxAttempts = Number.POSITIVE_INFINITY,
  transport: choice = 'auto',
}: Beginning = {}): MachineState {
  return {
    parked: null,
    online: true,
    want: null,
    choice,
    mode: choice === 'auto' ? 'sse' : choice,
    current: null,
    sse: null,
    poll: null,
    misses: 0,
    probes: 0,
    waiting: false,
    notBefore: 0,
    nextId: 1,
    joined: 1,
    cursor,
    attempt: 0,
    maxAttempts,
    failures: noFailures,
    refreshed: false,
    retryMs: 0,
    error: null,
    lastEvent: null,
  }
}

type Transitions = {
  readonly [Type in Input['type']]: (
    state: Turn['state'],
    turn: Turn,
    input: Extract<Input, { readonly type: Type }>,
  ) => void
}

/** One row for each thing that may happen. News of streams that are no longer ours never comes here: see {@link step}. */
const transitions: Transitions = {
  /* What the application wants. */
  want: (state, turn, { want }) => {
    state.want = want
    if (state.parked === 'change') state.parked = null
    setTimer(turn, 'batch', slots.some((slot) => state[slot]) ? batchMs : 0)
    // Were its hello to come before the batch, a topic that is dropped and added again would have a hole.
    if (state.current) letGo(turn, 'sse', 'poll')
  },
  batch: (_state, turn) => settle(turn),
  connect: (state, turn) => {
    state.parked = null
    state.refreshed = false
    hurry(turn)
  },
  disconnect: (_state, turn) => park(turn, 'connect'),
  reconnect: (state, turn, input) => {
    drop(turn)
    state.attempt = 0
    transitions.connect(state, turn, input)
  },
  transport: (state, turn, { choice }) => {
    state.choice = choice
    // Polls that are up stay until a stream is: it is tried at once, and again.
    state.mode = choice === 'auto' ? (state.current?.transport ?? 'sse') : choice
    state.misses = state.probes = 0
    letGo(turn, 'sse', 'poll')
    setTimer(turn, 'probe', choice === 'auto' && state.mode === 'poll' ? 0 : null)
    hurry(turn)
  },
  close: (_state, turn) => park(turn, 'closed'),

  /* What the platform says. A live stream is kept until its successor is up, so a false alarm costs nothing. */
  online: (state, turn) => {
    state.online = true
    hurry(turn, true)
  },
  offline: (state) => {
    state.online = false
  },
  visible: ({ current }, turn) => {
    if (!current || turn.at - current.lastByteAt > 1.5 * current.heartbeatMs) hurry(turn, true)
  },
  frozen: (state, turn) => {
    if (!state.parked) park(turn, 'frozen')
  },
  resumed: (state, turn) => {
    if (state.parked === 'frozen') state.parked = null
    hurry(turn, true)
  },

  /* Time. */
  retry: (state, turn) => {
    state.waiting = false
    settle(turn)
  },
  late: (state, turn) => {
    if (state.choice !== 'auto' || state.mode === 'poll' || !state.sse) return
    open(turn, 'poll')
    state.mode = 'poll'
  },
  sse: (_state, turn) => silent(turn, 'sse'),
  poll: (_state, turn) => silent(turn, 'poll'),
  probe: (state, turn) => {
    state.probes++
    planProbe(turn)
    if (!state.sse) open(turn, 'sse')
  },
  current: ({ current }, turn) => {
    if (!current) return
    const leftMs = current.lastByteAt + silenceLimitMs(current.heartbeatMs) - turn.at
    if (leftMs > 0) setTimer(turn, 'current', leftMs)
    else silent(turn, 'current', current.lastByteAt)
  },

  /* What the streams tell. */
  sent: (_state, turn) => {
    setTimer(turn, turn.slot, helloWithinMs)
    setTimer(turn, 'late', lateAfterMs)
  },
  byte: (state, { slot, at }, { cursor }) => {
    if (slot !== 'current') return
    state.online = true
    state.cursor = cursor
    state.current = { ...(state.current as LiveStream), lastByteAt: at }
  },
  retryField: (state, _turn, { retryMs }) => {
    state.retryMs = retryMs
  },
  message: (state, turn, { name, cursor, data }) => {
    const { slot } = turn
    if (name === 'bye') return lost(turn, (stream) => bye(turn, data as Bye | null, stream))
    if (slot !== 'current' && name !== 'hello') return
    state.cursor = cursor
    if (slot === 'current') heard(turn, name, data)
    else up(turn, data as Hello | null)
  },
  ended: (_state, turn, { cause }) =>
    lost(turn, (stream) => retry(turn, stream, new ClientError('connection', 'Connection lost.', { cause }))),
  failed: (_state, turn, failure) => lost(turn, (stream) => refused(turn, failure, stream)),
}

/** What becomes of `state` when `input` happens, and what is to be done. Pure: the same arguments, the same answer. */
export function step(state: MachineState, input: Input, moment: Moment): Step {
  const { stream } = input as { readonly stream?: number }
  const slot = slots.find((place) => state[place]?.id === stream) as Slot
  if ((stream && !slot) || state.parked === 'closed') return { state, actions: [] }
  const turn: Turn = { ...moment, state: { ...state }, slot, actions: [] }
  transitions[input.type](turn.state, turn, input as never)
  return turn
}

/** Nothing was heard for too long. */
function silent(turn: Turn, slot: Slot, until = 0): void {
  lost(turn, (stream) => retry(turn, stream, new ClientError('timeout', 'The hub is silent.')), slot, until)
}

/** The new stream says hello: it hands on from here, the old one is closed. */
function up(turn: Turn, hello: Hello | null): void {
  const { state, slot, at, actions } = turn
  const opening = state[slot] as Stream
  const { transport } = opening
  if (transport === 'sse') {
    letGo(turn, 'poll')
    setTimer(turn, 'probe')
  } else if (state.choice === 'auto' && state.current?.transport !== 'poll') planProbe(turn)
  letGo(turn, 'current')
  const heartbeatMs = usableHeartbeatMs(hello?.heartbeatMs)
  const connectionId = hello?.connectionId ?? ''
  state.current = { ...opening, connectionId, heartbeatMs, upAt: at, lastByteAt: at }
  state.joined++
  state.online = true
  state.refreshed = false
  state[slot] = state.error = null
  state.notBefore = 0
  setTimer(turn, slot)
  setTimer(turn, 'current', silenceLimitMs(heartbeatMs))
  state.mode = transport
  actions.push({ type: 'joined', stream: opening })
}

/** A message of the current stream. What is neither known nor an event is of a newer protocol, and ignored (H9). */
function heard({ state, actions }: Turn, name: string, data: unknown): void {
  const { cursor } = state
  const { request } = state.current as LiveStream
  const event = data as TidingsEvent | null
  if (data === undefined) actions.push({ type: 'report', error: new ClientError('server', 'An event is no JSON.') })
  else if (name === 'gap' || name === 'snapshot') actions.push({ type: name, notice: data } as Action)
  else if (event?.id && event.topic && event.type === name) {
    state.lastEvent = event
    actions.push({ type: 'deliver', event, cursor, request })
  }
}

/** The hub ended a stream and says whether and when to come back (H3). */
function bye(turn: Turn, notice: Bye | null, stream: Stream): void {
  const { state } = turn
  // By one of our own that was let go of while it opened. An id that somebody else has as well must not end in a race.
  if (notice?.reason === 'replaced' && state.joined < state.nextId) {
    state.joined++
    return openSoon(turn)
  }
  if (notice?.reconnect === false) {
    if (notice.reason === 'ended') return complete(turn, stream)
    const message = `The hub answered ${notice.reason}.`
    return park(turn, 'connect', new ClientError('server', message, { code: 'closed' }))
  }
  const retryAfterMs = clampRetryAfterMs(notice?.retryAfterMs)
  const { attempt } = state
  pause(turn, retryAfterMs, false)
  if (!retryAfterMs && !attempt) open(turn)
}

/** All there is has been sent. Jobs and their history that were asked for after the end still want to be read. */
function complete(turn: Turn, stream: Stream): void {
  turn.actions.push({ type: 'joined', stream: { ...stream, cursor: turn.state.cursor } })
  park(turn, 'change')
}

/** The hub, or something before it, refused a stream. */
function refused(turn: Turn, { status, error, retryAfterMs }: Failed, stream: Stream): void {
  const { state, actions } = turn
  if (status === 204) return complete(turn, stream)
  if (status === 401 && !state.refreshed) return open(turn, stream.transport, true)
  if (status === 403 && state.want?.topics.some((topic) => error.topics.includes(topic))) {
    // Whoever keeps the subscriptions drops these and says what is wanted then; that opens the rest.
    actions.push({ type: 'refused', error })
  } else if (error.kind === 'authentication') park(turn, 'connect', error)
  else if (error.kind === 'validation') park(turn, 'change', error)
  else retry(turn, stream, error, retryAfterMs)
}

/**
 * Somebody is looking, or the network is back: no reason to wait on, except that the hub said so. With `fresh` the stream
 * may be dead without a sign, and another is opened beside it.
 */
function hurry(turn: Turn, fresh = false): void {
  const { state } = turn
  if (state.waiting || (fresh && state.current && !state[state.mode])) openSoon(turn)
  else settle(turn)
}
