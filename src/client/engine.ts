import type { Clock, Timer } from '../clock.js'
import type { Random } from '../random.js'
import type { ClientError } from './error.js'
import { step } from './machine.js'
import { type Access, readStream } from './sse.js'
import type { Action, Input, MachineState, TimerName } from './state.js'
import type { Topics } from './topics.js'

export interface EngineParts {
  readonly state: MachineState
  readonly access: Access
  readonly clock: Clock
  readonly random: Random
  /** 128 random bits: by them the hub knows that a stream takes another's place. */
  readonly client: string
  readonly topics: Topics
  readonly report: (error: ClientError) => void
  /** After each input that changed the state, before anything is done about it. */
  readonly changed: (state: MachineState) => void
}

/** A wall clock that ran this far ahead of the monotonic one was not set by hand: the machine slept. */
const sleptMs = 30_000

/**
 * Runs the machine: feeds it what happens, one after the other, and does what it says. Returns the way in. An input that
 * comes while another is worked on, from a handler, waits for its turn.
 */
export function runMachine(parts: EngineParts): (input: Input) => void {
  const { access, clock, random, client, topics, report, changed } = parts
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
      const abort = new AbortController()
      const { id: stream } = action.stream
      streams.set(stream, abort)
      void readStream(access, action.stream, client, action.refresh, abort.signal, (news) => send({ ...news, stream }))
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
      now.actions.forEach(act)
    }
    running = false
  }
  return send
}
