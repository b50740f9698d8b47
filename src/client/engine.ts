import type { Timer } from '../clock.js'
import type { Random } from '../random.js'
import type { Observer } from './diagnostics.js'
import type { ClientError } from './error.js'
import { type Beginning, initialState, step } from './machine.js'
import { type Access, type ReadStream, readStream } from './sse.js'
import type { Action, Input, StreamNews, TimerName, Transport } from './state.js'
import { type ClientStatus, describe } from './status.js'
import type { Topics } from './topics.js'

/** What a connection is made of, whoever makes it: the client itself, or the tab that leads. */
export interface ConnectionParts extends Beginning, Access {
  readonly random: Random
  readonly topics: Topics
  readonly report: (error: ClientError) => void
  readonly observer: Observer
  /** After each change, before anything is done about it. */
  readonly show: (status: ClientStatus) => void
}

/** What does each kind of action. */
type Doers = { readonly [Type in Action['type']]: (action: Extract<Action, { readonly type: Type }>) => void }

/** A wall clock that ran this far ahead of the monotonic one was not set by hand: the machine slept. */
const sleptMs = 30_000

/** Polls are read by code that loads when it is used: behind most networks it never is, and it would break the limit of C9. */
const readerOf = async (transport: Transport): Promise<ReadStream> =>
  transport === 'sse' ? readStream : (await import('./poll.js')).readPolls

/**
 * Makes the connection of a client: feeds the machine what happens, one after the other, and does what it says. Returns the
 * way in. An input that comes while another is worked on, from a handler, waits for its turn.
 */
export function connect(parts: ConnectionParts): (input: Input) => void {
  const { clock, random, topics, report, show, observer } = parts
  const queue: Input[] = []
  const timers = new Map<TimerName, Timer>()
  const streams = new Map<number, AbortController>()
  const drift = (): number => clock.now() - clock.monotonic()
  let state = initialState(parts)
  let lastDriftMs = drift()

  const ring = (name: TimerName): void => {
    const slept = drift() - lastDriftMs > sleptMs
    lastDriftMs = drift()
    if (slept) send({ type: 'resumed' })
    send({ type: name })
  }

  const doers: Doers = {
    ...topics,
    open({ stream, refresh }) {
      const { id, transport } = stream
      const abort = new AbortController()
      const { signal } = abort
      const tell = (news: StreamNews): void => {
        if (!signal.aborted) send({ ...news, stream: id })
      }
      streams.set(id, abort)
      void readerOf(transport)
        .then((read) => read(parts, stream, refresh, signal, tell))
        .catch((cause) => cause)
        .then((cause) => tell({ type: 'ended', cause }))
    },
    abort({ stream }) {
      streams.get(stream)?.abort()
      streams.delete(stream)
    },
    timer({ name, ms }) {
      timers.get(name)?.cancel()
      // In Node a stream keeps its process alive, so the wait for the next one does as well.
      if (ms !== null)
        timers.set(
          name,
          clock.setTimer(() => ring(name), ms, { keepsProcess: true }),
        )
    },
    report: ({ error }) => report(error),
  }

  const send = (input: Input): void => {
    // What comes meanwhile is reached by the loop that runs.
    if (queue.push(input) > 1) return
    for (const next of queue) {
      const before = state
      const now = step(before, next, { at: clock.monotonic(), fraction: random.fraction() })
      state = now.state
      // First, so that whoever is called by an action sees the state that led to it.
      if (state !== before) show(describe(state))
      observer.step?.(next, before, state, now.actions)
      for (const action of now.actions) doers[action.type](action as never)
    }
    queue.length = 0
  }
  return send
}
