import type { Clock } from '../clock.js'
import { TidingsError } from '../errors.js'
import type { MakeId } from '../ids.js'
import type { CloseReason, GapNotice } from '../protocol/control.js'
import { type Position, formatCursor } from '../protocol/cursor.js'
import type { DeclaredEvents } from '../protocol/declared-events.js'
import { type TidingsEvent, checkType } from '../protocol/event.js'
import type { Job } from '../protocol/job.js'
import { checkTopic } from '../protocol/topic.js'
import { type Random, randomToken } from '../random.js'
import type { Store, StoredEvent, TopicDescription } from '../store/store.js'
import { Channels } from './channels.js'
import type { Channel } from './channel.js'
import { Connection, type ConnectionOptions } from './connection.js'
import { type Counters, newCounters } from './counters.js'
import { EndOfTick } from './end-of-tick.js'
import { EncodedEvent, Frame } from './frame.js'
import type { Outlet, OutletListener } from './outlet.js'
import { type Draft, type PublishResult, draftOf, storeDrafts } from './publish.js'
import type { HubSettings } from './settings.js'
import { type Start, parseSince } from './start.js'
import { Subscription } from './subscription.js'
import { Wheel } from './wheel.js'

/** What `jobs` fills in: the state of a job topic, for readers that begin without a cursor. */
export interface Snapshots {
  /** The job, and the position from which its events go on; null where there is none. */
  snapshot(namespace: string, topic: string): Promise<{ readonly job: Job; readonly position: Position } | null>
}

export interface HubParts {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly makeId: MakeId
  readonly settings: HubSettings
  readonly snapshots: Snapshots
  /** Absent: any type, any data (E2). */
  readonly events?: DeclaredEvents | undefined
  /** Failures that no caller hears of. */
  readonly onError: (error: unknown, stage: string) => void
}

/** What connections need of their hub. */
export interface HubContext {
  readonly store: Store
  readonly settings: HubSettings
  readonly counters: Counters
  readonly wheel: Wheel
  readonly clock: Clock
  encode(event: StoredEvent, epoch: string): EncodedEvent
  pingFrame(position: Position): Frame
  retryMs(): number
  returnDelayMs(reason: CloseReason): number
  snapshot: Snapshots['snapshot']
  hasEnded(namespace: string, topic: string): Promise<boolean>
  onError(error: unknown, stage: string): void
  forget(connection: Connection): void
}

export interface SubscribeOptions<Type extends string = string> {
  /** `start`, `now` (default), a cursor, or `@<unix ms>`. */
  readonly since?: string
  /** Only these types; default all. */
  readonly types?: readonly Type[]
  readonly signal?: AbortSignal
  /** Told where history is missing (D4). */
  readonly onGap?: (gap: GapNotice) => void
}

export interface ConnectRequest extends Omit<ConnectionOptions, 'id'> {
  readonly namespace: string
}

/** The way of events: publish → store → feed → readers. It knows no HTTP, no rights and no jobs. */
export class HubCore implements HubContext {
  readonly store: Store
  readonly settings: HubSettings
  readonly clock: Clock
  readonly random: Random
  readonly makeId: MakeId
  readonly counters = newCounters()
  readonly endOfTick: EndOfTick
  readonly wheel: Wheel
  readonly snapshot: Snapshots['snapshot']
  readonly events: DeclaredEvents | null
  readonly onError: HubParts['onError']
  readonly #channels: Channels
  readonly #connections = new Map<string, { connection: Connection; channel: Channel; cancel(): void }>()
  #lastPing: { cursor: string; frame: Frame } | null = null
  #draining = false
  #emptied: (() => void) | null = null

  constructor(parts: HubParts) {
    this.store = parts.store
    this.settings = parts.settings
    this.clock = parts.clock
    this.random = parts.random
    this.makeId = parts.makeId
    this.events = parts.events ?? null
    this.onError = parts.onError
    this.snapshot = (namespace, topic) => parts.snapshots.snapshot(namespace, topic)
    this.endOfTick = new EndOfTick((error) => this.onError(error, 'flush'))
    this.#channels = new Channels(parts.store, parts.settings.ringBytes)
    this.wheel = new Wheel(parts.clock, Math.max(1, Math.min(500, Math.floor(parts.settings.heartbeatMs / 4))))
  }

  get draining(): boolean {
    return this.#draining
  }
  get connections(): number {
    return this.#connections.size
  }

  /** See {@link Hub.publish}. Appends of one process keep the order of the calls (D1). */
  async publish(namespace: string, inputs: readonly unknown[], isBatch: boolean): Promise<PublishResult[]> {
    if (inputs.length === 0 || inputs.length > this.settings.eventsPerBatch) {
      throw new TidingsError(
        'event_invalid',
        `A batch has 1–${this.settings.eventsPerBatch} events, not ${inputs.length}.`,
        { field: '' },
      )
    }
    const drafts = inputs.map((input, index) => draftOf(input, this, isBatch ? `[${index}].` : ''))
    return this.publishDrafts(namespace, drafts)
  }

  /** Stores and delivers what has been checked, all or nothing. */
  async publishDrafts(namespace: string, drafts: readonly Draft[]): Promise<PublishResult[]> {
    const deliver = (event: StoredEvent): void =>
      void this.#channels
        .get(namespace)
        .then((channel) => channel?.deliverVolatile(event))
        .catch((error: unknown) => this.onError(error, 'volatile'))
    const results = await storeDrafts(this.store, namespace, drafts, deliver, () => this.clock.now())
    for (const result of results) this.counters[result.duplicate ? 'duplicates' : 'published']++
    return results
  }

  /** Opens a connection over `outlet`. Null: nothing will ever follow, answer 204. Rights were checked by the caller. */
  async connect(
    request: ConnectRequest,
    makeOutlet: (listener: OutletListener, connectionId: string) => Outlet,
  ): Promise<Connection | null> {
    if (this.#draining)
      throw new TidingsError('draining', 'This hub is shutting down.', { retryAfterMs: this.returnDelayMs('shutdown') })
    const channel = await this.#channels.hold(request.namespace)
    const id = randomToken(this.random, 22)
    let connection: Connection | null = null
    const outlet = makeOutlet({ drained: () => connection?.drained(), gone: () => connection?.gone() }, id)
    connection = new Connection(this, channel, outlet, { ...request, id })
    this.#register(connection, channel, outlet, request.expiresAt)
    try {
      return (await connection.open()) ? connection : null
    } catch (error) {
      connection.gone()
      throw error
    }
  }

  subscribe(
    namespace: string,
    topics: readonly string[],
    options: SubscribeOptions = {},
  ): AsyncIterableIterator<TidingsEvent> {
    const wanted = [...new Set(topics.map((topic, index) => checkTopic(topic, `topics[${index}]`)))]
    if (wanted.length === 0)
      throw new TidingsError('topic_invalid', 'subscribe needs at least one topic.', { field: 'topics' })
    const types = options.types?.map((type, index) => this.checkFilter(type, `types[${index}]`)) ?? null
    const start: Start = parseSince(options.since ?? 'now')
    const subscription = new Subscription(options.onGap, (event) => this.#received(event))
    const stop = (): void => void subscription.return()
    if (options.signal?.aborted) stop()
    else {
      options.signal?.addEventListener('abort', stop, { once: true })
      this.connect({ namespace, topics: wanted, types, named: true, start }, (listener) => {
        subscription.listen({
          drained: () => listener.drained(),
          gone: () => {
            options.signal?.removeEventListener('abort', stop)
            // One tick later: an iteration that ended before it was open must not find a half-made connection.
            queueMicrotask(() => listener.gone())
          },
        })
        return subscription
      }).then(
        (connection) => connection ?? subscription.end(),
        (error: unknown) => subscription.fail(error),
      )
    }
    return subscription
  }

  /** Returns `type` when readers may ask for it (E2, E4). */
  checkFilter(type: unknown, field: string): string {
    const checked = checkType(type, field)
    this.events?.checkType(checked, field)
    return checked
  }

  describe(namespace: string, topic: string): Promise<TopicDescription> {
    return this.store.describe(namespace, topic)
  }

  async readersOf(namespace: string, topic: string): Promise<number> {
    return (await this.#channels.get(namespace))?.readersOf(topic) ?? 0
  }

  /** Says `bye` to everybody, spread over the return window, and waits up to `drainMs` for them to be gone. */
  async close(drainMs = this.settings.drainMs): Promise<void> {
    this.#draining = true
    const empty = new Promise<void>((resolve) => {
      this.#emptied = resolve
    })
    for (const { connection } of [...this.#connections.values()]) connection.end('shutdown')
    if (this.#connections.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = this.clock.setTimer(resolve, drainMs)
        void empty.then(() => {
          timer.cancel()
          resolve()
        })
      })
    }
    for (const { connection } of [...this.#connections.values()]) connection.gone()
    this.wheel.close()
    await this.#channels.close()
  }

  // HubContext

  encode(event: StoredEvent, epoch: string): EncodedEvent {
    return new EncodedEvent(event, epoch)
  }

  pingFrame(position: Position): Frame {
    const cursor = formatCursor(position)
    if (this.#lastPing?.cursor === cursor) return this.#lastPing.frame
    const frame = Frame.ofControl('ping', { cursor, degraded: false }, { id: cursor })
    this.#lastPing = { cursor, frame }
    return frame
  }

  retryMs(): number {
    const { from, to } = this.settings.retryMs
    return Math.round(from + this.random.fraction() * (to - from))
  }

  returnDelayMs(reason: CloseReason): number {
    if (reason === 'shutdown') return Math.round(this.random.fraction() * this.settings.returnWindowMs)
    return reason === 'rotate' ? 0 : 1_000
  }

  async hasEnded(namespace: string, topic: string): Promise<boolean> {
    const snapshot = await this.snapshot(namespace, topic)
    return snapshot !== null && snapshot.job.endedAt !== null
  }

  forget(connection: Connection): void {
    const entry = this.#connections.get(connection.id)
    if (!entry) return
    entry.cancel()
    this.#connections.delete(connection.id)
    this.counters.closed++
    if (this.#connections.size === 0) this.#emptied?.()
    this.#channels.release(entry.channel.namespace)
  }

  /** The event with what its schema makes of it; null where it does not fit, which is reported once. */
  #received(event: TidingsEvent): TidingsEvent | null {
    try {
      return this.events ? this.events.receive(event) : event
    } catch (error) {
      this.onError(error, 'receive')
      return null
    }
  }

  #register(connection: Connection, channel: Channel, outlet: Outlet, expiresAt: number | undefined): void {
    this.counters.opened++
    const { heartbeatMs, maxAgeMs } = this.settings
    const tasks = new Map<string, { cancel(): void }>()
    if (outlet.transport === 'sse') {
      const beat = (): void => {
        connection.ping()
        tasks.set('ping', this.wheel.after(heartbeatMs, beat))
      }
      // The first beat falls at a random moment, so that a thousand readers who came together do not beat together.
      tasks.set('ping', this.wheel.after(heartbeatMs * (0.5 + this.random.fraction() / 2), beat))
      tasks.set(
        'age',
        this.wheel.after(maxAgeMs * (0.8 + this.random.fraction() * 0.2), () => connection.end('rotate')),
      )
    }
    if (expiresAt !== undefined)
      tasks.set(
        'expiry',
        this.wheel.after(Math.max(0, expiresAt - this.clock.now()), () => connection.end('expired')),
      )
    const cancel = (): void => {
      for (const task of tasks.values()) task.cancel()
    }
    this.#connections.set(connection.id, { connection, channel, cancel })
  }
}
