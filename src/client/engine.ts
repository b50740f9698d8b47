import type { Timer } from '../clock.js'
import type { Random } from '../random.js'
import type { Observer } from './diagnostics.js'
import type { ClientError } from './error.js'
import { step } from './machine.js'
import { type Access, type ReadStream, readStream } from './sse.js'
import type { Action, Input, MachineState, StreamNews, TimerName, Transport } from './state.js'
import type { Topics } from './topics.js'

export interface EngineParts {
  readonly state: MachineState
  readonly access: Access
  readonly random: Random
  readonly topics: Topics
  readonly report: (error: ClientError) => void
  readonly observer: Observer
  /** After each input that changed the state, before anything is done about it. */
  readonly changed: (state: MachineState) => void
}

/** A wall clock that ran this far ahead of the monotonic one was not set by hand: the machine slept. */
const sleptMs = 30_000

/** Polls are read by code that loads when it is used: behind most networks it never is, and it would break the limit of C9. */
const readerOf = async (transport: Transport): Promise<ReadStream> =>
  transport === 'sse' ? readStream : (await import('./poll.js')).readPolls

/**
 * Runs the machine: feeds it what happens, one after the other, and does what it says. Returns the way in. An input that
 * comes while another is worked on, from a handler, waits for its turn.
 */
export function runMachine(parts: EngineParts): (input: Input) => void {
  const { access, random, topics, report, changed, observer } = parts
  const { clock } = access
  const queue: Input[] = []
  const timers = new Map<TimerName, Timer>()
  const streams = new Map<number, AbortController>()
  const drift = (): number => clock.now() - clock.monotonic()
  let { state } = parts
  let running = false
  let lastDriftMs = drift()

  const ring = (name: TimerName): void => {
    const slept = drift() - lastDriftMs > sleptMs
    lastDriftMs = drift()
    if (slept) send({ type: 'resumed' })
    send({ type: name })
  }

  const act = (action: Action): void => {
    if (action.type === 'open') {
      const { id: stream } = action.stream
      const abort = new AbortController()
      const { signal } = abort
      const tell = (news: StreamNews): void => {
        if (!signal.aborted) send({ ...news, stream })
      }
      streams.set(stream, abort)
      void readerOf(action.stream.transport)
        .then((read) => read(access, action.stream, action.refresh, signal, tell))
        .catch((cause) => tell({ type: 'ended', cause }))
    } else if (action.type === 'abort') {
      streams.get(action.stream)?.abort()
      streams.delete(action.stream)
    } else if (action.type === 'timer') {
      const { name, ms } = action
      timers.get(name)?.cancel()
      // In Node a stream keeps its process alive, so the wait for the next one does as well.
      if (ms !== null)
        timers.set(
          name,
          clock.setTimer(() => ring(name), ms, { keepsProcess: true }),
        )
    } else if (action.type === 'report') report(action.error)
    else topics[action.type](action as never)
  }

  const send = (input: Input): void => {
    queue.push(input)
    if (running) return
    running = true
    for (let next = queue.shift(); next; next = queue.shift()) {
      const before = state
      const now = step(before, next, { at: clock.monotonic(), fraction: random.fraction() })
      state = now.state
      // First, so that whoever is called by an action sees the state that led to it.
      if (state !== before) changed(state)
      observer.step?.(next, before, state, now.actions)
      now.actions.forEach(act)
    }
    running = false
  }
  return send
}
