import type { Clock } from '../clock.js'
import { TidingsError } from '../errors.js'
import type { MakeId } from '../ids.js'
import type { DeclaredEvents } from '../protocol/declared-events.js'
import { type TidingsEvent, checkType } from '../protocol/event.js'
import { type Random, randomToken } from '../random.js'
import type { Store, StoredEvent, TopicDescription } from '../store/store.js'
import { ActivityLog } from './activity-log.js'
import { Channels } from './channels.js'
import { Connection } from './connection.js'
import type { ConnectionOptions } from './connection-options.js'
import type { HubContext, Snapshots } from './context.js'
import { Control, revoked } from './control.js'
import type { Counters, Gauges } from './counters.js'
import { EndOfTick } from './end-of-tick.js'
import { Figures } from './figures/figures.js'
import { observeFeed } from './figures/observed-feed.js'
import { EncodedEvent } from './frame.js'
import type { EventFilter } from './gate.js'
import type { Outlet } from './outlet.js'
import { Pings } from './pings.js'
import { type PublishResult, draftsOf } from './publish.js'
import { Publisher } from './publisher.js'
import { type HubLog, logClosed, logOpened } from './log.js'
import { ReturnTimes } from './return-times.js'
import { mayReturn } from './revocation.js'
import { Roster } from './roster.js'
import type { HubSettings } from './settings.js'
import { SharedTexts } from './shared-texts.js'
import { comesBack } from './start.js'
import { StoreAbsence } from './store-absence.js'
import { StorePresence } from './store-presence.js'
import { type SubscribeOptions, subscribe } from './subscribe.js'
import { TopicList } from './topic-list.js'
import type { Tracing } from './tracing.js'
import { Wheel } from './wheel.js'

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
  readonly presence: StorePresence
  readonly publisher: Publisher
  readonly returns: ReturnTimes
  readonly pings: Pings
  /** User agents, each once. */
  readonly agents = new SharedTexts()
  readonly control: Control
  readonly activity: ActivityLog
  readonly topicList: TopicList
  readonly #channels: Channels
  readonly #roster: Roster
  #draining = false

  constructor(parts: HubParts) {
    const { store, clock, random, settings } = parts
    this.store = store
    this.clock = clock
    this.random = random
    this.settings = settings
    this.makeId = parts.makeId
    this.figures = parts.figures ?? new Figures()
    this.counters = this.figures.counters
    this.log = parts.log ?? null
    this.events = parts.events ?? null
    this.filter = parts.filter ?? null
    const report: HubParts['onError'] = (error, stage) => {
      this.counters.errors++
      this.activity.failed(error, stage)
      parts.onError(error, stage)
    }
    // That the store is away is told when it goes.
    this.onError = (error, stage) => {
      if (this.presence.available || !this.presence.explains(error)) report(error, stage)
    }
    this.snapshot = (namespace, topic) => parts.snapshots.snapshot(namespace, topic)
    this.endOfTick = new EndOfTick((error) => this.onError(error, 'flush'))
    this.wheel = new Wheel(clock, Math.max(1, Math.min(500, Math.floor(settings.heartbeatMs / 4))))
    this.presence = new StorePresence(store, clock, (available) => (available ? absence.ended() : absence.began()))
    this.pings = new Pings(this.presence)
    this.returns = new ReturnTimes(random, settings)
    const { presence, counters, onError, wheel } = this
    const tools = { store, presence, clock, settings, counters, onError }
    this.#roster = new Roster({ wheel, clock, random, settings })
    const roster = this.#roster
    const { figures, endOfTick } = this
    const tracing = parts.tracing ?? null
    const delivered = observeFeed({ figures, clock, tracing, endOfTick })
    const { ringBytes, probeMs } = settings
    this.#channels = new Channels({ ...tools, ringBytes, probeMs, wheel, delivered })
    const channels = this.#channels
    this.control = new Control({ ...tools, random, longestTokenMs: settings.longestTokenMs, roster, channels })
    this.activity = new ActivityLog(clock, this.control.nodes)
    this.topicList = new TopicList(store, channels, this.control.nodes)
    this.publisher = new Publisher({
      ...tools,
      tracing,
      channels,
      retryAfterMs: () => this.returns.retryAfterMs(),
    })
    const { control } = this
    const { queue } = this.publisher
    const absence = new StoreAbsence({ presence, roster, channels, control, queue, clock, report })
    if (!presence.available) absence.tell()
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
      throw new TidingsError('draining', 'This hub is shutting down.', {
        retryAfterMs: this.returns.afterMs('shutdown'),
      })
    const channel = this.#channels.hold(request.namespace)
    const id = randomToken(this.random, 22)
    const outlet = makeOutlet(id)
    const connection = new Connection(this, channel, outlet, id, request)
    outlet.listen(connection)
    this.counters.opened++
    this.counters.openedBy[outlet.transport]++
    if (outlet.transport === 'sse' && comesBack(request.start)) this.counters.returned++
    this.#roster.add(connection, channel, outlet.transport, request.expiresAt)
    this.activity.opened(connection)
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

  /** What {@link connect} began is over. */
  forget(connection: Connection): void {
    const channel = this.#roster.remove(connection)
    if (!channel) return
    this.counters.closed++
    this.counters.closedBy[connection.activity.reason ?? 'gone']++
    const closed = this.control.here.noteClosed(connection)
    if (closed) this.activity.closed(closed)
    if (this.log) logClosed(this.log, connection, this.clock.monotonic())
    this.#channels.release(channel.namespace)
  }

  /** See {@link Hub.subscribe}. */
  subscribe(
    namespace: string,
    topics: readonly string[],
    options?: SubscribeOptions,
  ): AsyncIterableIterator<TidingsEvent> {
    return subscribe(this, namespace, topics, options)
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
    return this.#channels.find(namespace)?.audience.of(topic) ?? 0
  }

  encode(event: StoredEvent, epoch: string): EncodedEvent {
    return new EncodedEvent(event, { epoch, seq: event.seq })
  }

  async hasEnded(namespace: string, topic: string): Promise<boolean> {
    const snapshot = await this.snapshot(namespace, topic)
    return snapshot !== null && snapshot.job.endedAt !== null
  }

  rightsKnown(): Promise<void> | null {
    return this.control.settled()
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
}
