import { ClientError, type ErrorKind } from '#src/client/error.js'
import { initialState, step } from '#src/client/machine.js'
import type { Action, Input, MachineState, StreamNews, TimerName } from '#src/client/state.js'
import { statusOf } from '#src/client/status.js'

/** Runs the machine by hand: no sockets, no clocks. Timers fire in order when time passes; luck is what the test says. */
export class MachineDriver {
  state: MachineState
  /** Monotonic ms. */
  at = 1_000
  fraction = 0.5
  /** What the last input led to. */
  actions: readonly Action[] = []
  readonly #timers = new Map<TimerName, number>()

  constructor(state: MachineState = initialState()) {
    this.state = deepFreeze(state)
  }

  get status() {
    return statusOf(this.state)
  }

  /** Ids of streams opened by the last input. */
  get opened(): number[] {
    return this.actions.flatMap((action) => (action.type === 'open' ? [action.stream.id] : []))
  }

  get aborted(): number[] {
    return this.actions.flatMap((action) => (action.type === 'abort' ? [action.stream] : []))
  }

  /** When the timer of this name is due, in ms from now. */
  due(name: TimerName): number | undefined {
    const due = this.#timers.get(name)
    return due === undefined ? undefined : due - this.at
  }

  send(input: Input): this {
    const { state, actions } = step(this.state, input, { at: this.at, fraction: this.fraction })
    this.state = deepFreeze(state)
    this.actions = actions
    for (const action of actions) {
      if (action.type !== 'timer') continue
      if (action.ms === null) this.#timers.delete(action.name)
      else this.#timers.set(action.name, this.at + action.ms)
    }
    return this
  }

  want(...topics: string[]): this {
    return this.send({ type: 'want', want: topics.length > 0 ? { topics, own: false } : null })
  }

  /** Tells news of the newest stream, or of `stream`. */
  news(news: StreamNews, stream = this.state.nextId - 1): this {
    return this.send({ ...news, stream })
  }

  hello(cursor = 'e.0', stream?: number): this {
    const data = {
      connectionId: 'c',
      cursor,
      resumed: false,
      topics: [],
      heartbeatMs: 25_000,
      protocol: 1,
      degraded: false,
    }
    return this.news({ type: 'message', name: 'hello', cursor, data }, stream)
  }

  event(seq: number, topic = 'a', stream?: number): this {
    const data = {
      id: `id${seq}`,
      type: 'x',
      topic,
      seq,
      timestamp: 1,
      priority: 'normal',
      source: 't',
      version: 1,
      data: 0,
    }
    return this.news({ type: 'message', name: 'x', cursor: `e.${seq}`, data }, stream)
  }

  bye(reason: string, retryAfterMs: number, reconnect = true, stream?: number): this {
    return this.news({ type: 'message', name: 'bye', cursor: '', data: { reason, retryAfterMs, reconnect } }, stream)
  }

  failed(status: number, kind: ErrorKind, details: { retryAfterMs?: number; topics?: string[] } = {}): this {
    const error = new ClientError(kind, `status ${status}`, { topics: details.topics })
    return this.news({ type: 'failed', status, error, retryAfterMs: details.retryAfterMs ?? 0 })
  }

  /** Lets time pass and fires what falls due; `actions` are those of all that fired. */
  pass(ms: number): this {
    const until = this.at + ms
    const actions: Action[] = []
    for (;;) {
      const next = [...this.#timers].filter(([, due]) => due <= until).sort((a, b) => a[1] - b[1])[0]
      if (!next) break
      this.#timers.delete(next[0])
      this.at = Math.max(this.at, next[1])
      actions.push(...this.send({ type: next[0] }).actions)
    }
    this.at = until
    this.actions = actions
    return this
  }
}

/** A driver whose first stream, 1, has said hello for topic `a` at `cursor`. */
export function connected(cursor = 'e.0'): MachineDriver {
  return new MachineDriver().want('a').pass(0).hello(cursor)
}

/** A transition that changes a state it was given throws. */
function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !(value instanceof Error) && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const part of Object.values(value)) deepFreeze(part)
  }
  return value
}
