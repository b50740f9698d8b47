import type { Timer } from '../clock.js'
import type { Random } from '../random.js'
import type { Observer } from './diagnostics.js'
import type { ClientError } from './error.js'
import { type Beginning, initialState, step } from './machine.js'
import { type Access, readStream } from './sse.js'
import type { Action, Input, StreamNews, TimerName } from './state.js'
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
    if (drift() - lastDriftMs > sleptMs) send({ type: 'resumed' })
    lastDriftMs = drift()
    send({ type: name })
  }

  const doers: Doers = {
    ...topics,
    open({ stream, refresh }) {
      const abort = new AbortController()
      // What is told of a stream that was let go of changes nothing.
      const tell = (news: StreamNews): void => send({ ...news, stream: stream.id })
      streams.set(stream.id, abort)
      const read = async (): Promise<void> => {
        // Polls load when they are used: behind most networks they never are, and they would break the limit of C9.
        const reader = stream.transport === 'sse' ? readStream : (await import('./poll.js')).readPolls
        return reader(parts, stream, refresh, abort.signal, tell)
      }
      void read()
        .catch((cause: unknown) => cause)
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
      show(describe(state))
      observer.step?.(next, before, state, now.actions)
      for (const action of now.actions) doers[action.type](action as never)
    }
    queue.length = 0
  }
  return send
}
