import type { Clock, Timer } from '../clock.js'
import { TidingsError } from '../errors.js'
import { defaults } from '../protocol/defaults.js'
import type { AppendResult, NewEvent, Store } from '../store/store.js'
import { PublishLane, type WaitingPublish, bytesOf, eventsToSend, resultFor } from './publish-lane.js'
import type { StorePresence } from './store-presence.js'
import { UnderWay } from './under-way.js'

export interface PublishQueueParts {
  readonly store: Store
  readonly presence: StorePresence
  readonly clock: Clock
  /** Most that waits, in all namespaces together. */
  readonly limits: { readonly events: number; readonly bytes: number }
  /** Told to whoever is refused because the queue is full. */
  readonly retryAfterMs: () => number
}

/** Appends under way while a queue empties: enough to fill the way there and back, few enough to keep their order cheap. */
const windowSize = 64
/** A publish whose fate is unknown is given up this long after it was sent: a little before a store may forget its id. */
const giveUpMs = defaults.idWindow.ageMs - 30_000
/** Between tries at a store that says it is there and yet fails. */
const pauseMs = { from: 100, to: 2_000 } as const
/** With nothing answered for this long, publishes under way count as waiting. */
const stuckMs = 1_000

/**
 * Where publishes wait while the store is away (S5). While it is there and nothing waits they go straight through. What
 * comes back without an answer takes its place in the order of the calls (D1) and is sent again, with the same ids and
 * therefore once, before anything newer. Job commands do not come this way: they fail fast.
 */
export class PublishQueue {
  readonly #parts: PublishQueueParts
  readonly #lanes = new Map<string, PublishLane>()
  readonly #waiting = { events: 0, bytes: 0 }
  /** On their way to the store without having waited. */
  readonly #direct: UnderWay
  #flowing: boolean
  /** The store is back, and what it rejected before is still on its way to us: nothing newer may pass it. */
  #resuming = false
  #order = 0
  #answeredAtMs = 0
  #refused = 0
  #giveUp: Timer | null = null
  #emptied: (() => void) | null = null
  #closed = false

  constructor(parts: PublishQueueParts) {
    this.#parts = parts
    this.#direct = new UnderWay(parts.limits)
    this.#flowing = parts.presence.available
  }

  get waitingEvents(): number {
    return this.#waiting.events
  }
  get waitingBytes(): number {
    return this.#waiting.bytes
  }
  /** Publishes refused because the queue was full. */
  get refused(): number {
    return this.#refused
  }

  /** Whether a publish to this namespace would wait. */
  #waits(namespace: string): boolean {
    return !this.#flowing || this.#lanes.has(namespace)
  }

  /**
   * As {@link Store.append}, except that it outlasts the absence of the store. Rejects with `store_unavailable` where the
   * queue is full, with `indeterminate` where it stayed unknown for too long whether it was stored, with `draining` at the
   * end. A store in this process has no queue: its failures are the caller's. `waiting` is called where it begins to wait,
   * at once or after a first try.
   */
  append(namespace: string, events: readonly NewEvent[], waiting: () => void = nobody): Promise<AppendResult> {
    const { store, presence } = this.#parts
    if (!presence.remote) return store.append(namespace, { events })
    return this.#waits(namespace)
      ? this.#enqueue(namespace, events, waiting)
      : this.#sendAtOnce(namespace, events, waiting)
  }

  /** The store is away: what comes now waits. */
  pause(): void {
    this.#flowing = false
    this.#resuming = false
    for (const lane of this.#lanes.values()) lane.stopPause()
  }

  /** The store is back: everything that waits is sent, in order, before anything newer. */
  resume(): void {
    this.#resuming = !this.#direct.empty
    if (this.#resuming) return
    this.#flowing = true
    for (const lane of [...this.#lanes.values()]) {
      lane.pauseMs = pauseMs.from
      this.#pump(lane)
    }
  }

  /** Gives what waits up to `chanceMs`, then refuses it, and everything that comes later. */
  async close(chanceMs: number): Promise<void> {
    if (this.#lanes.size > 0 && chanceMs > 0) {
      await new Promise<void>((resolve) => {
        const timer = this.#parts.clock.setTimer(resolve, chanceMs)
        this.#emptied = () => {
          timer.cancel()
          resolve()
        }
      })
    }
    this.#closed = true
    this.#giveUp?.cancel()
    for (const lane of [...this.#lanes.values()]) {
      lane.stopPause()
      for (const publish of lane.unsent) this.#refuse(lane, publish, notInTime(publish))
    }
  }

  #sendAtOnce(namespace: string, events: readonly NewEvent[], waiting: () => void): Promise<AppendResult> {
    const { store, presence, clock } = this.#parts
    const direct = this.#direct
    const startedMs = clock.monotonic()
    const bytes = bytesOf(events)
    // Nothing is away yet, but nothing is answered either: what is under way must not grow without end.
    if (direct.empty) this.#answeredAtMs = startedMs
    else if (startedMs - this.#answeredAtMs > stuckMs && !direct.hasRoom(namespace, events.length, bytes))
      return Promise.reject(this.#full())
    const order = this.#order++
    direct.begin(namespace, events.length, bytes)
    const landed = (): void => direct.end(namespace, events.length, bytes)
    return store.append(namespace, { events }).then(
      (result) => {
        landed()
        this.#answeredAtMs = clock.monotonic()
        if (this.#resuming) this.resume()
        return result
      },
      (error: unknown) => {
        landed()
        try {
          if (!presence.explains(error)) throw error
          const unknown = (error as TidingsError).code === 'indeterminate'
          const taken = this.#takeBack(order, namespace, events, bytes, unknown ? startedMs : null, error)
          waiting()
          return taken
        } finally {
          if (this.#resuming) this.resume()
        }
      },
    )
  }

  #enqueue(namespace: string, events: readonly NewEvent[], waiting: () => void): Promise<AppendResult> {
    if (this.#closed) return Promise.reject(new TidingsError('closed', 'The hub is closed.'))
    const bytes = bytesOf(events)
    if (!this.#hasRoom(events, bytes)) return Promise.reject(this.#full())
    return new Promise((resolve, reject) => {
      const rest = { tried: false, unknownSinceMs: null, refusals: 0, sent: false }
      const lane = this.#place({ order: this.#order++, namespace, events, bytes, resolve, reject, ...rest })
      waiting()
      this.#pump(lane)
    })
  }

  /** An append that failed with the store goes to where its call was, before all that was called later. */
  #takeBack(
    order: number,
    namespace: string,
    events: readonly NewEvent[],
    bytes: number,
    unknownSinceMs: number | null,
    error: unknown,
  ): Promise<AppendResult> {
    if (this.#closed) throw error
    if (!this.#hasRoom(events, bytes)) {
      this.#refused++
      throw error
    }
    return new Promise((resolve, reject) => {
      const rest = { tried: true, unknownSinceMs, refusals: unknownSinceMs === null ? 1 : 0, sent: false }
      const lane = this.#place({ order, namespace, events, bytes, resolve, reject, ...rest })
      this.#armGiveUp(unknownSinceMs)
      // Where the store is there all the same, not at once: it would fail for ever.
      this.#pumpLater(lane)
    })
  }

  #place(publish: WaitingPublish): PublishLane {
    let lane = this.#lanes.get(publish.namespace)
    if (!lane) {
      lane = new PublishLane(publish.namespace)
      lane.pauseMs = pauseMs.from
      this.#lanes.set(publish.namespace, lane)
    }
    lane.insert(publish)
    this.#waiting.events += publish.events.length
    this.#waiting.bytes += publish.bytes
    return lane
  }

  /** Sends as many as the window takes, oldest first. */
  #pump(lane: PublishLane): void {
    while (this.#flowing && !lane.pause && lane.sent < windowSize) {
      const publish = lane.next()
      if (!publish) return
      this.#send(lane, publish)
    }
  }

  #pumpLater(lane: PublishLane): void {
    if (lane.pause || lane.empty || !this.#flowing) return
    lane.pause = this.#parts.clock.setTimer(() => {
      lane.pause = null
      this.#pump(lane)
    }, lane.pauseMs)
    lane.pauseMs = Math.min(pauseMs.to, lane.pauseMs * 2)
  }

  #send(lane: PublishLane, publish: WaitingPublish): void {
    const { store, clock } = this.#parts
    const startedMs = clock.monotonic()
    const events = eventsToSend(publish)
    const { unknownSinceMs } = publish
    lane.markSent(publish)
    store
      .append(lane.namespace, { events, ...(unknownSinceMs !== null && { triedMs: startedMs - unknownSinceMs }) })
      .then(
        (result) => {
          lane.markBack(publish)
          lane.pauseMs = pauseMs.from
          this.#answeredAtMs = clock.monotonic()
          this.#remove(lane, publish)
          publish.resolve(resultFor(publish, result))
          this.#pump(lane)
        },
        (error: unknown) => {
          lane.markBack(publish)
          this.#failed(lane, publish, startedMs, error)
        },
      )
  }

  #failed(lane: PublishLane, publish: WaitingPublish, startedMs: number, error: unknown): void {
    const { presence } = this.#parts
    if (!presence.explains(error)) {
      this.#refuse(lane, publish, error)
      return this.#pump(lane)
    }
    if ((error as TidingsError).code === 'indeterminate') publish.unknownSinceMs ??= startedMs
    else if (this.#flowing && presence.available) publish.refusals++
    // A store that is there and will not take it (read-only, out of memory) has answered.
    if (this.#closed) this.#refuse(lane, publish, notInTime(publish))
    else if (publish.refusals > 1) this.#refuse(lane, publish, error)
    else this.#armGiveUp(publish.unknownSinceMs)
    this.#pumpLater(lane)
  }

  /** One timer, for the publish whose id may be forgotten first: they come back in the order in which they were sent. */
  #armGiveUp(sinceMs: number | null): void {
    if (sinceMs === null || this.#giveUp || this.#closed) return
    const { clock } = this.#parts
    const delayMs = Math.max(0, sinceMs + giveUpMs - clock.monotonic())
    this.#giveUp = clock.setTimer(() => {
      this.#giveUp = null
      this.#armGiveUp(this.#giveUpForgotten())
    }, delayMs)
  }

  /** Refuses what has been unknown for too long; the earliest time of what is left. */
  #giveUpForgotten(): number | null {
    const nowMs = this.#parts.clock.monotonic()
    let earliestMs = Number.POSITIVE_INFINITY
    for (const lane of [...this.#lanes.values()]) {
      for (const publish of lane.unsent) {
        const { unknownSinceMs } = publish
        if (unknownSinceMs === null) continue
        if (nowMs - unknownSinceMs >= giveUpMs) this.#refuse(lane, publish, notInTime(publish))
        else earliestMs = Math.min(earliestMs, unknownSinceMs)
      }
    }
    return earliestMs === Number.POSITIVE_INFINITY ? null : earliestMs
  }

  #refuse(lane: PublishLane, publish: WaitingPublish, error: unknown): void {
    this.#remove(lane, publish)
    publish.reject(error)
  }

  #remove(lane: PublishLane, publish: WaitingPublish): void {
    lane.remove(publish)
    this.#waiting.events -= publish.events.length
    this.#waiting.bytes -= publish.bytes
    if (!lane.empty) return
    lane.stopPause()
    this.#lanes.delete(lane.namespace)
    if (this.#lanes.size > 0) return
    this.#giveUp?.cancel()
    this.#giveUp = null
    this.#emptied?.()
  }

  #hasRoom(events: readonly NewEvent[], bytes: number): boolean {
    const { limits } = this.#parts
    return this.#waiting.events + events.length <= limits.events && this.#waiting.bytes + bytes <= limits.bytes
  }

  #full(): TidingsError {
    this.#refused++
    const { events, bytes } = this.#parts.limits
    return new TidingsError(
      'store_unavailable',
      `The store does not answer and the publish queue is full (${events} events or ${bytes} bytes). Nothing was queued.`,
      { retryAfterMs: this.#parts.retryAfterMs() },
    )
  }
}

const nobody = (): void => {}

function notInTime({ unknownSinceMs }: WaitingPublish): TidingsError {
  return unknownSinceMs === null
    ? new TidingsError('draining', 'The hub stopped before its store was back. Nothing was stored.', {
        retryAfterMs: 1_000,
      })
    : new TidingsError(
        'indeterminate',
        'It stayed unknown whether this was stored. Publish it again with the same id, if it still matters.',
      )
}
