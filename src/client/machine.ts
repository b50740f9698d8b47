import type { Bye, GapNotice, Hello, SnapshotNotice } from '../protocol/control.js'
import type { TidingsEvent } from '../protocol/event.js'
import { clampRetryAfterMs } from './backoff.js'
import { ClientError } from './error.js'
import { drop, letGo, lost, open, openSoon, park, pause, retry, setTimer, settle } from './moves.js'
import type { ConnectionStatus, Failed, Input, MachineState, Moment, Step, Stream, Turn } from './state.js'
import { silenceLimitMs, usableHeartbeatMs } from './watchdog.js'

/** Subscriptions that change within this time change the stream once (spec C1). */
const batchMs = 50

export function initialState(cursor = '', maxAttempts = Number.POSITIVE_INFINITY): MachineState {
  return {
    closed: false,
    enabled: true,
    parked: null,
    frozen: false,
    online: true,
    want: null,
    current: null,
    opening: null,
    waiting: false,
    notBefore: 0,
    nextId: 1,
    cursor,
    attempt: 0,
    maxAttempts,
    failures: 0,
    refreshed: false,
    retryMs: 0,
    error: null,
    lastEvent: null,
  }
}

/** The state in the one word that people are shown. */
export function statusOf(state: MachineState): ConnectionStatus {
  if (state.closed) return 'closed'
  if (state.current) return state.online ? 'connected' : 'offline'
  if (state.opening) return 'connecting'
  if (state.waiting || state.frozen) return state.online ? 'waiting' : 'offline'
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
    setTimer(turn, 'batch', state.current || state.opening ? batchMs : 0)
  },
  batch: (_state, _input, turn) => settle(turn),
  connect: (state, _, turn) => {
    state.enabled = true
    state.parked = null
    state.refreshed = false
    hurry(turn)
  },
  disconnect: (state, _, turn) => {
    state.enabled = false
    state.error = state.parked = null
    drop(turn)
  },
  reconnect: (state, input, turn) => {
    drop(turn)
    state.attempt = 0
    transitions.connect(state, input, turn)
  },
  close: (state, _, turn) => {
    drop(turn)
    setTimer(turn, 'batch')
    state.closed = true
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
    state.frozen = true
    drop(turn)
  },
  resumed: (state, _, turn) => {
    state.frozen = false
    renew(turn)
  },

  /* Time. */
  retry: (state, _, turn) => {
    state.waiting = false
    settle(turn)
  },
  opening: (_state, _input, turn) =>
    lost(turn, 'opening', 0, () => retry(turn, new ClientError('timeout', 'No hello in time.'))),
  current: ({ current }, _, turn) => {
    if (!current) return
    const leftMs = current.lastByteAt + silenceLimitMs(current.heartbeatMs) - turn.at
    if (leftMs > 0) return setTimer(turn, 'current', leftMs)
    lost(turn, 'current', current.lastByteAt, () => retry(turn, new ClientError('timeout', 'No byte in time.')))
  },

  /* What the streams tell. */
  byte: (state, { stream }, { at }) => {
    if (state.current?.id !== stream) return
    state.online = true
    state.current = { ...state.current, lastByteAt: at }
  },
  retryField: (state, { retryMs }) => {
    state.retryMs = retryMs
  },
  message: (state, { stream, name, cursor, data }, turn) => {
    const which = roleOf(state, stream)
    if (name === 'bye') return lost(turn, which, turn.at, () => bye(turn, data as Bye | null))
    if (which === 'opening' && name !== 'hello') return
    state.cursor = cursor || state.cursor
    if (which === 'opening') up(turn, data as Hello | null)
    else heard(turn, name, data)
  },
  ended: (state, { stream, cause }, turn) =>
    lost(turn, roleOf(state, stream), turn.at, () =>
      retry(turn, new ClientError('connection', 'Connection lost.', { cause })),
    ),
  failed: ({ opening }, failure, turn) => lost(turn, 'opening', 0, () => refused(turn, failure, opening)),
}

const roleOf = (state: MachineState, stream: number) => (state.current?.id === stream ? 'current' : 'opening')

/** What becomes of `state` when `input` happens, and what is to be done. Pure: the same arguments, the same answer. */
export function step(state: MachineState, input: Input, moment: Moment): Step {
  const foreign = 'stream' in input && input.stream !== state.current?.id && input.stream !== state.opening?.id
  if (foreign || state.closed) return { state, actions: [] }
  const turn: Turn = { ...moment, state: { ...state }, actions: [] }
  transitions[input.type](turn.state, input as never, turn)
  return turn
}

/** The new stream says hello: it hands on from here, the old one is closed. */
function up(turn: Turn, hello: Hello | null): void {
  const { state, at, actions } = turn
  const { opening } = state
  if (!opening) return
  letGo(turn, 'current')
  const heartbeatMs = usableHeartbeatMs(hello?.heartbeatMs)
  const connectionId = hello?.connectionId ?? ''
  state.current = { ...opening, connectionId, heartbeatMs, upAt: at, lastByteAt: at }
  state.online = true
  state.refreshed = false
  state.opening = state.error = null
  state.notBefore = 0
  setTimer(turn, 'opening')
  setTimer(turn, 'current', silenceLimitMs(heartbeatMs))
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
    if (notice.reason === 'ended') return park(turn, 'change', null)
    const message = `The stream ended for good: ${notice.reason}.`
    return park(turn, 'connect', new ClientError('server', message, { code: 'closed' }))
  }
  const retryAfterMs = clampRetryAfterMs(notice?.retryAfterMs)
  const atOnce = !retryAfterMs && !turn.state.attempt
  pause(turn, retryAfterMs, false)
  if (atOnce) open(turn)
}

/** The hub, or something before it, refused a stream. */
function refused(turn: Turn, { status, error, retryAfterMs }: Failed, stream: Stream | null): void {
  const { state, actions } = turn
  if (status === 204) {
    // All there is has been sent. Jobs that were subscribed to after their end still want to be read.
    if (stream) actions.push({ type: 'joined', stream })
    return park(turn, 'change', null)
  }
  if (status === 401 && !state.refreshed) return open(turn, true)
  if (status === 403 && state.want?.topics.some((topic) => error.topics.includes(topic))) {
    // Whoever keeps the subscriptions drops these and says what is wanted then; that opens the rest.
    actions.push({ type: 'refused', error })
  } else if (error.kind === 'authentication') park(turn, 'connect', error)
  else if (error.kind === 'validation') park(turn, 'change', error)
  else retry(turn, error, retryAfterMs)
}

/** Somebody is looking, or the network is back: no reason to wait on, except that the hub said so. */
function hurry(turn: Turn): void {
  if (turn.state.waiting) openSoon(turn)
  else settle(turn)
}

/** The stream may be dead without a sign: a fresh one is opened beside it. */
function renew(turn: Turn): void {
  if (turn.state.current && !turn.state.opening) openSoon(turn)
  else hurry(turn)
}
