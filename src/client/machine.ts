import type { Bye, GapNotice, Hello, SnapshotNotice } from '../protocol/control.js'
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
  ConnectionStatus,
  Failed,
  Input,
  MachineState,
  Moment,
  Slot,
  Step,
  Stream,
  TransportChoice,
  Turn,
} from './state.js'
import { initialStatus } from './status.js'
import { silenceLimitMs, usableHeartbeatMs } from './watchdog.js'

/** A stream that says nothing for this long may be held back by a proxy: a poll is tried beside it (spec C4). */
const lateAfterMs = 5_000
/** Subscriptions that change within this time change the stream once (spec C1). */
const batchMs = 50

export function initialState(
  cursor = '',
  maxAttempts = Number.POSITIVE_INFINITY,
  choice: TransportChoice = 'auto',
): MachineState {
  return {
    parked: null,
    online: true,
    want: null,
    choice,
    mode: choice === 'poll' ? choice : 'sse',
    current: null,
    sse: null,
    poll: null,
    misses: 0,
    probes: 0,
    waiting: false,
    notBefore: 0,
    nextId: 1,
    cursor,
    attempt: 0,
    maxAttempts,
    failures: initialStatus.failures,
    refreshed: false,
    retryMs: 0,
    error: null,
    lastEvent: null,
  }
}

/** The state in the one word that people are shown. */
export function statusOf(state: MachineState): ConnectionStatus {
  const { parked } = state
  if (parked === 'closed') return parked
  if (state.current && state.online) return state.current.transport === 'poll' ? 'polling' : 'connected'
  if (state.current) return 'offline'
  if (state.sse || state.poll) return 'connecting'
  if (state.waiting || parked === 'frozen') return state.online ? 'waiting' : 'offline'
  return 'idle'
}

type Transitions = {
  readonly [Type in Input['type']]: (
    state: Turn['state'],
    input: Extract<Input, { readonly type: Type }>,
    turn: Turn,
  ) => void
}

/** One row for each thing that may happen. News of streams that are no longer ours never comes here: see {@link step}. */
const transitions: Transitions = {
  /* What the application wants. */
  want: (state, { want }, turn) => {
    state.want = want
    if (state.parked === 'change') state.parked = null
    setTimer(turn, 'batch', state.current || state.sse || state.poll ? batchMs : 0)
  },
  batch: (_state, _input, turn) => settle(turn),
  connect: (state, _, turn) => {
    state.parked = null
    state.refreshed = false
    hurry(turn)
  },
  disconnect: (_state, _input, turn) => park(turn, 'connect'),
  reconnect: (state, input, turn) => {
    drop(turn)
    state.attempt = 0
    transitions.connect(state, input, turn)
  },
  transport: (state, { choice }, turn) => {
    state.choice = choice
    state.mode = choice === 'poll' ? choice : 'sse'
    state.misses = state.probes = 0
    letGo(turn, 'sse')
    letGo(turn, 'poll')
    setTimer(turn, 'probe')
    hurry(turn)
  },
  close: (_state, _input, turn) => {
    park(turn, 'closed')
    setTimer(turn, 'batch')
  },

  /* What the platform says. A live stream is kept until its successor is up, so a false alarm costs nothing. */
  online: (state, _, turn) => {
    state.online = true
    renew(turn)
  },
  offline: (state) => {
    state.online = false
  },
  visible: ({ current }, _, turn) => {
    if (!current || turn.at - current.lastByteAt > 1.5 * current.heartbeatMs) renew(turn)
  },
  frozen: (state, _, turn) => {
    if (!state.parked) park(turn, 'frozen')
  },
  resumed: (state, _, turn) => {
    if (state.parked === 'frozen') state.parked = null
    renew(turn)
  },

  /* Time. */
  retry: (state, _, turn) => {
    state.waiting = false
    settle(turn)
  },
  late: (state, _, turn) => {
    if (state.choice !== 'auto' || state.mode === 'poll' || !state.sse) return
    open(turn, false, 'poll')
    state.mode = 'poll'
  },
  sse: (_state, _input, turn) => silent(turn, 'sse'),
  poll: (_state, _input, turn) => silent(turn, 'poll'),
  probe: (state, _, turn) => {
    state.probes++
    planProbe(turn)
    if (!state.sse) open(turn, false, 'sse')
  },
  current: ({ current }, _, turn) => {
    if (!current) return
    const leftMs = current.lastByteAt + silenceLimitMs(current.heartbeatMs) - turn.at
    if (leftMs > 0) setTimer(turn, 'current', leftMs)
    else silent(turn, 'current', current.lastByteAt)
  },

  /* What the streams tell. */
  sent: (_state, _input, turn) => {
    setTimer(turn, turn.slot, helloWithinMs)
    setTimer(turn, 'late', lateAfterMs)
  },
  byte: (state, _, { slot, at }) => {
    if (slot !== 'current' || !state.current) return
    state.online = true
    state.current = { ...state.current, lastByteAt: at }
  },
  retryField: (state, { retryMs }) => {
    state.retryMs = retryMs
  },
  message: (state, { name, cursor, data }, turn) => {
    const { slot } = turn
    if (name === 'bye') return lost(turn, slot, turn.at, () => bye(turn, data as Bye | null))
    if (slot !== 'current' && name !== 'hello') return
    state.cursor = cursor || state.cursor
    if (slot === 'current') heard(turn, name, data)
    else up(turn, data as Hello | null)
  },
  ended: (_state, { cause }, turn) =>
    lost(turn, turn.slot, turn.at, (stream) =>
      retry(turn, stream, new ClientError('connection', 'Connection lost.', { cause })),
    ),
  failed: (_state, failure, turn) => lost(turn, turn.slot, turn.at, (stream) => refused(turn, failure, stream)),
}

/** What becomes of `state` when `input` happens, and what is to be done. Pure: the same arguments, the same answer. */
export function step(state: MachineState, input: Input, moment: Moment): Step {
  const slot = slots.find((place) => 'stream' in input && state[place]?.id === input.stream) ?? 'current'
  const foreign = 'stream' in input && state[slot]?.id !== input.stream
  if (foreign || state.parked === 'closed') return { state, actions: [] }
  const turn: Turn = { ...moment, state: { ...state }, slot, actions: [] }
  transitions[input.type](turn.state, input as never, turn)
  return turn
}

/** Nothing was heard for too long. */
function silent(turn: Turn, slot: Slot, until = 0): void {
  lost(turn, slot, until, (stream) => retry(turn, stream, new ClientError('timeout', 'The hub is silent.')))
}

/** The new stream says hello: it hands on from here, the old one is closed. */
function up(turn: Turn, hello: Hello | null): void {
  const { state, slot, at, actions } = turn
  const opening = state[slot]
  if (!opening) return
  const { transport } = opening
  if (transport === 'sse') {
    letGo(turn, 'poll')
    setTimer(turn, 'probe')
  } else if (state.choice === 'auto' && state.current?.transport !== 'poll') planProbe(turn)
  letGo(turn, 'current')
  const heartbeatMs = usableHeartbeatMs(hello?.heartbeatMs)
  const connectionId = hello?.connectionId ?? ''
  state.current = { ...opening, connectionId, heartbeatMs, upAt: at, lastByteAt: at }
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
  const { current, cursor } = state
  if (data === undefined) {
    const error = new ClientError('server', 'An event is not JSON.')
    actions.push({ type: 'report', error })
  } else if (name === 'gap') actions.push({ type: 'gap', notice: data as GapNotice })
  else if (name === 'snapshot') actions.push({ type: 'snapshot', notice: data as SnapshotNotice })
  else if (current && isEvent(data, name)) {
    state.lastEvent = data
    actions.push({ type: 'deliver', event: data, cursor, request: current.request })
  }
}

function isEvent(data: unknown, name: string): data is TidingsEvent {
  const event = data as Partial<TidingsEvent> | null
  return Boolean(event?.id && event.topic && event.type === name)
}

/** The hub ended a stream and says whether and when to come back (H3). */
function bye(turn: Turn, notice: Bye | null): void {
  if (notice?.reconnect === false) {
    if (notice.reason === 'ended') return park(turn, 'change')
    const message = `The stream ended for good: ${notice.reason}.`
    return park(turn, 'connect', new ClientError('server', message, { code: 'closed' }))
  }
  const retryAfterMs = clampRetryAfterMs(notice?.retryAfterMs)
  const atOnce = !retryAfterMs && !turn.state.attempt
  pause(turn, retryAfterMs, false)
  if (atOnce) open(turn)
}

/** The hub, or something before it, refused a stream. */
function refused(turn: Turn, { status, error, retryAfterMs }: Failed, stream: Stream): void {
  const { state, actions } = turn
  if (status === 204) {
    // All there is has been sent. Jobs that were subscribed to after their end still want to be read.
    actions.push({ type: 'joined', stream })
    return park(turn, 'change')
  }
  if (status === 401 && !state.refreshed) return open(turn, true, stream.transport)
  if (status === 403 && state.want?.topics.some((topic) => error.topics.includes(topic))) {
    // Whoever keeps the subscriptions drops these and says what is wanted then; that opens the rest.
    actions.push({ type: 'refused', error })
  } else if (error.kind === 'authentication') park(turn, 'connect', error)
  else if (error.kind === 'validation') park(turn, 'change', error)
  else retry(turn, stream, error, retryAfterMs)
}

/** Somebody is looking, or the network is back: no reason to wait on, except that the hub said so. */
function hurry(turn: Turn): void {
  if (turn.state.waiting) openSoon(turn)
  else settle(turn)
}

/** The stream may be dead without a sign: a fresh one is opened beside it. */
function renew(turn: Turn): void {
  const { state } = turn
  if (state.current && !state[state.mode]) openSoon(turn)
  else hurry(turn)
}
