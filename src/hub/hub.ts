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
import { Connection } from './connection.js'
import type { ConnectionOptions } from './connection-options.js'
import { Control, revoked } from './control.js'
import type { Counters, Gauges } from './counters.js'
import { EndOfTick } from './end-of-tick.js'
import { Figures } from './figures/figures.js'
import { EncodedEvent, Frame } from './frame.js'
import type { EventFilter } from './gate.js'
import type { Outlet } from './outlet.js'
import { type PublishResult, draftsOf } from './publish.js'
import { Publisher } from './publisher.js'
import { type HubLog, logClosed, logOpened } from './log.js'
import { mayReturn } from './revocation.js'
import { Roster } from './roster.js'
import type { HubSettings } from './settings.js'
import { SharedTexts } from './shared-texts.js'
import { type Start, comesBack, parseSince } from './start.js'
import { StorePresence } from './store-presence.js'
import { Subscription } from './subscription.js'
import type { Tracing } from './tracing.js'
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
  readonly filter?: EventFilter | undefined
  /** What is counted; default: figures of its own. */
  readonly figures?: Figures | undefined
  /** Spans; default: none. */
  readonly tracing?: Tracing | null | undefined
  /** Hears of each connection; default: nobody does. */
  readonly log?: HubLog | undefined
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
  readonly presence: StorePresence
  readonly filter: EventFilter | null
  encode(event: StoredEvent, epoch: string): EncodedEvent
  /** Null: the position is not known yet. */
  pingFrame(position: Position | null): Frame
  retryMs(): number
  returnDelayMs(reason: CloseReason): number
  snapshot: Snapshots['snapshot']
  hasEnded(namespace: string, topic: string): Promise<boolean>
  onError(error: unknown, stage: string): void
  /** Resolves when what was revoked while the store was away has been read; null: nothing is being read. */
  rightsKnown(): Promise<void> | null
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

export interface ConnectRequest extends ConnectionOptions {
  readonly namespace: string
}

/** The way of events: publish → store → feed → readers. It knows no HTTP, no rights and no jobs. */
export class HubCore implements HubContext {
  readonly store: Store
  readonly settings: HubSettings
  readonly clock: Clock
  readonly random: Random
  readonly makeId: MakeId
  readonly figures: Figures
  readonly log: HubLog | null
  readonly counters: Counters
  readonly endOfTick: EndOfTick
  readonly wheel: Wheel
  readonly snapshot: Snapshots['snapshot']
  readonly events: DeclaredEvents | null
  readonly filter: EventFilter | null
  readonly onError: HubParts['onError']
  readonly #report: HubParts['onError']
  readonly presence: StorePresence
  readonly publisher: Publisher
  /** User agents, each once. */
  readonly agents = new SharedTexts()
  readonly control: Control
  readonly #channels: Channels
  readonly #roster: Roster
  #lastPing: { cursor: string | null; degraded: boolean; frame: Frame } | null = null
  #draining = false

  constructor(parts: HubParts) {
    this.store = parts.store
    this.figures = parts.figures ?? new Figures()
    this.counters = this.figures.counters
    this.log = parts.log ?? null
    this.settings = parts.settings
    this.clock = parts.clock
    this.random = parts.random
    this.makeId = parts.makeId
    this.events = parts.events ?? null
    this.filter = parts.filter ?? null
    // That the store is away is told once, when it goes, and not by every sweep and reader that finds out.
    this.onError = (error, stage) => {
      if (this.presence.available || !this.presence.explains(error)) this.#report(error, stage)
    }
    this.#report = (error, stage) => {
      this.counters.errors++
      parts.onError(error, stage)
    }
    this.snapshot = (namespace, topic) => parts.snapshots.snapshot(namespace, topic)
    this.endOfTick = new EndOfTick((error) => this.onError(error, 'flush'))
    this.wheel = new Wheel(parts.clock, Math.max(1, Math.min(500, Math.floor(parts.settings.heartbeatMs / 4))))
    this.presence = new StorePresence(parts.store, parts.clock, (available) => this.#storeChanged(available))
    const { ringBytes, probeMs } = parts.settings
    this.#channels = new Channels({ ...this.#tools, ringBytes, probeMs, wheel: this.wheel })
    this.#roster = new Roster(this)
    const { random } = this
    const { longestTokenMs } = parts.settings
    this.control = new Control({
      ...this.#tools,
      random,
      longestTokenMs,
      roster: this.#roster,
      channels: this.#channels,
    })
    // Spread, so that those who were refused together do not come back together.
    const retryAfterMs = (): number => Math.round(1_000 + this.random.fraction() * 4_000)
    this.publisher = new Publisher({
      ...this.#tools,
      tracing: parts.tracing ?? null,
      channels: this.#channels,
      retryAfterMs,
    })
    if (!this.presence.available) this.#report(awayError(this.presence), 'store')
  }

  get draining(): boolean {
    return this.#draining
  }
  get connections(): number {
    return this.#roster.size
  }
  get openConnections(): readonly Connection[] {
    return this.#roster.connections
  }
  /** Streams that have not had what they could have. */
  get lagging(): number {
    return this.#roster.lagging
  }
  /** Namespaces whose feed is heard. */
  get subscriptions(): number {
    return this.#channels.size
  }
  get gauges(): Gauges {
    const { queue } = this.publisher
    return {
      connections: this.#roster.size,
      queuedEvents: queue.waitingEvents,
      queuedBytes: queue.waitingBytes,
      queueRefused: queue.refused,
      storeTimesAway: this.presence.timesAway,
      storeAwayMs: Math.round(this.presence.awayMs),
    }
  }

  /** See {@link Hub.publish}. Appends of one process keep the order of the calls (D1). */
  publish(namespace: string, inputs: readonly unknown[], isBatch: boolean): Promise<PublishResult[]> {
    return this.publisher.publish(namespace, draftsOf(inputs, this, isBatch, ''))
  }

  /** Opens a connection over `outlet`. Null: nothing will ever follow, answer 204. Rights were checked by the caller. */
  async connect(request: ConnectRequest, makeOutlet: (connectionId: string) => Outlet): Promise<Connection | null> {
    if (this.#draining)
      throw new TidingsError('draining', 'This hub is shutting down.', { retryAfterMs: this.returnDelayMs('shutdown') })
    const channel = this.#channels.hold(request.namespace)
    const id = randomToken(this.random, 22)
    const outlet = makeOutlet(id)
    const connection = new Connection(this, channel, outlet, id, request)
    outlet.listen(connection)
    this.counters.opened++
    this.counters.openedBy[outlet.transport]++
    if (outlet.transport === 'sse' && comesBack(request.start)) this.counters.returned++
    this.#roster.add(connection, channel, outlet.transport, request.expiresAt)
    if (this.log) logOpened(this.log, connection)
    try {
      this.#refuseRevoked(connection, request)
      return (await connection.open()) ? connection : null
    } catch (error) {
      connection.gone()
      throw error
    }
  }

  /** Between the moment a credential was read and now it may have been revoked; from now on the roster knows of it. */
  #refuseRevoked(connection: Connection, { namespace, reader, generation = 0 }: ConnectRequest): void {
    const revocation = reader && this.control.revokedSince(generation, namespace, reader)
    if (!revocation) return
    if (connection.transport !== 'sse' || !mayReturn(revocation)) throw revoked()
    connection.end('revoked', true)
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
    const stop = (): void => void subscription.return()
    const ended = (): void => options.signal?.removeEventListener('abort', stop)
    const subscription = new Subscription(options.onGap, (event) => this.#received(event), ended)
    if (options.signal?.aborted) stop()
    else {
      options.signal?.addEventListener('abort', stop, { once: true })
      this.connect({ namespace, topics: wanted, types, named: true, start }, () => subscription).then(
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

  /** The newest events that this node holds in memory; none where nobody here reads the namespace. */
  recent(namespace: string): readonly EncodedEvent[] {
    const ring = this.#channels.find(namespace)?.ring
    return ring ? ring.after(ring.begin) : []
  }

  readersOf(namespace: string, topic: string): number {
    return this.#channels.find(namespace)?.readersOf(topic) ?? 0
  }

  /**
   * Says `bye` to everybody, spread over the return window, and waits up to `drainMs` for them to be gone, and for what
   * waits to be published.
   */
  async close(drainMs = this.settings.drainMs): Promise<void> {
    this.#draining = true
    for (const connection of this.#roster.connections) connection.end('shutdown')
    await Promise.all([this.#roster.whenEmpty(drainMs), this.publisher.queue.close(drainMs)])
    // Nobody else would: the wheel stops, and node:http does not know the sockets that were taken from it.
    for (const connection of this.#roster.connections) connection.letGo()
    this.wheel.close()
    this.control.close()
    this.presence.close()
    this.#channels.close()
  }

  // HubContext

  encode(event: StoredEvent, epoch: string): EncodedEvent {
    return new EncodedEvent(event, { epoch, seq: event.seq })
  }

  pingFrame(position: Position | null): Frame {
    const cursor = position && formatCursor(position)
    const degraded = !this.presence.available
    const last = this.#lastPing
    if (last?.cursor === cursor && last.degraded === degraded) return last.frame
    const frame =
      cursor === null
        ? Frame.ofControl('ping', { degraded })
        : Frame.ofControl('ping', { cursor, degraded }, { id: cursor })
    this.#lastPing = { cursor, degraded, frame }
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

  rightsKnown(): Promise<void> | null {
    return this.control.settled()
  }

  forget(connection: Connection): void {
    const channel = this.#roster.remove(connection)
    if (!channel) return
    this.counters.closed++
    this.counters.closedBy[connection.activity.reason ?? 'gone']++
    this.control.note(connection)
    if (this.log) logClosed(this.log, connection, this.clock.monotonic())
    this.#channels.release(channel.namespace)
  }

  /** Readers are told at once; what waits is published when every feed runs again, so that nobody misses it (S5). */
  #storeChanged(available: boolean): void {
    const { queue } = this.publisher
    if (!available) {
      queue.pause()
      this.#report(awayError(this.presence), 'store')
    }
    for (const connection of this.#roster.connections) {
      if (connection.transport === 'sse') connection.ping()
      else if (!available && connection.transport === 'poll') connection.fail(awayError(this.presence))
    }
    if (!available) return
    void this.control.start()
    const { timesAway } = this.presence
    const resume = (): void => {
      timer.cancel()
      // It may have gone again meanwhile, and come back: then that return does it.
      if (this.presence.available && this.presence.timesAway === timesAway) queue.resume()
    }
    const timer = this.clock.setTimer(resume, longestRecoveryMs)
    void this.#channels.recover().then(resume)
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

  /** What every part is made of. */
  get #tools() {
    const { store, presence, clock, settings, counters, onError } = this
    return { store, presence, clock, settings, counters, onError }
  }
}

/** Publishes do not wait longer than this for feeds that do not come back with the store. */
const longestRecoveryMs = 1_000

const awayError = ({ reason }: StorePresence): TidingsError =>
  new TidingsError('store_unavailable', `The store is away${reason === null ? '' : `: ${reason}`}.`)
