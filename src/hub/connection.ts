import type { Bye, CloseReason, GapNotice } from '../protocol/control.js'
import { type Position, formatCursor } from '../protocol/cursor.js'
import { isTerminalType } from '../protocol/job.js'
import type { ReadResult } from '../store/store.js'
import type { Channel } from './channel.js'
import { selectForLagging } from './conflation.js'
import { type EncodedEvent, Frame } from './frame.js'
import { helloFrames } from './hello.js'
import type { HubContext } from './hub.js'
import type { Outlet, OutletListener } from './outlet.js'
import { StallWatch } from './stall-watch.js'
import { type Start, gapKey, openingOf } from './start.js'

export interface ConnectionOptions {
  readonly id: string
  readonly topics: readonly string[]
  readonly types: readonly string[] | null
  /** Whether `event:` carries the type. */
  readonly named: boolean
  readonly start: Start
  /** Unix ms at which the rights end. */
  readonly expiresAt?: number | undefined
}

/**
 * One reader. It is a position in the log, not a queue (D6): *live* it passes on shared frames as they are announced; when
 * its outlet is full it remembers only where it is; drained, it reads the log on until the ring has the rest, takes that in
 * one synchronous step and is live again. Start-up replay, slow readers, polls and in-process readers are this one loop.
 */
export class Connection implements OutletListener {
  readonly id: string
  readonly topics: ReadonlySet<string>
  readonly #context: HubContext
  readonly #channel: Channel
  readonly #outlet: Outlet
  readonly #options: ConnectionOptions
  readonly #stall: StallWatch | null
  readonly #types: ReadonlySet<string> | null
  /** Per topic: events at or below are left out, because the reader has them from a snapshot or an earlier position. */
  readonly #floors = new Map<string, number>()
  /** Gaps that have been told and are not behind the reader yet: reads that still begin before them find them again. */
  #told: ReadonlySet<string> = new Set()
  /** Job topics that have not ended; null where the stream has others too and so never ends by itself. */
  #unended: Set<string> | null
  #position: Position = { epoch: '', seq: 0 }
  #state: 'catching-up' | 'live' | 'closed' = 'catching-up'
  /** It was live and could not keep up: E5 and E6 apply until it is live again. */
  #lagging = false
  #wasLive = false
  #advancing = false
  /** Why the log could not be read on, where that ended it. */
  failure: unknown = null

  constructor(context: HubContext, channel: Channel, outlet: Outlet, options: ConnectionOptions) {
    this.id = options.id
    this.topics = new Set(options.topics)
    this.#context = context
    this.#channel = channel
    this.#outlet = outlet
    this.#options = options
    const { wheel, clock, settings } = context
    this.#stall =
      outlet.transport === 'sse'
        ? new StallWatch(outlet, wheel, clock, settings.slowConsumerMs, () => this.end('slow_consumer'))
        : null
    this.#types = options.types && new Set(options.types)
    this.#unended = options.topics.every((topic) => topic.startsWith('job:')) ? new Set(options.topics) : null
  }

  get transport(): Outlet['transport'] {
    return this.#outlet.transport
  }
  get closed(): boolean {
    return this.#state === 'closed'
  }
  get live(): boolean {
    return this.#state === 'live'
  }
  /** At or below it everything was sent, or withheld on purpose (D7). */
  get cursor(): Position {
    const { watermark } = this.#channel
    const ahead = this.live && watermark.epoch === this.#position.epoch && watermark.seq > this.#position.seq
    return ahead ? watermark : this.#position
  }

  /**
   * Finds the position, says hello and begins. Returns false, having sent nothing, where all topics are ended jobs and the
   * cursor has passed their ends: the caller answers 204 (H3).
   */
  async open(): Promise<boolean> {
    const opening = await openingOf(this.#context, this.#channel.namespace, this.#options)
    if (this.closed) return true
    if (opening.finished) {
      this.gone()
      return false
    }
    this.#position = opening.position
    this.#told = opening.told
    for (const [topic, seq] of opening.floors) this.#floors.set(topic, seq)
    for (const frame of helloFrames(this.#context, this.#options, opening)) this.#outlet.push(frame)
    for (const gap of opening.gaps) this.#tellGap(gap)
    await this.#sendSnapshots(opening.snapshotTopics)
    if (this.closed) return true
    this.#channel.join(this)
    void this.#advance()
    return true
  }

  /** Takes a live event. Called by the channel, in order. */
  offer(encoded: EncodedEvent): void {
    if (this.#state !== 'live') return
    const { event, position } = encoded
    if (position === null || (position.epoch === this.#position.epoch && event.seq <= this.#position.seq)) return
    if (this.#outlet.full) return this.#fallBehindSlow()
    this.#send(encoded)
    this.#position = position
  }

  /** Takes an event that has no place in the log: now or never. */
  offerVolatile(encoded: EncodedEvent): void {
    if (this.#state === 'live' && !this.#outlet.full) this.#send(encoded)
  }

  /** The feed has a hole, or an event was too large for it: read the log on from the position. */
  fallBehind(): void {
    if (this.#state !== 'live') return
    this.#state = 'catching-up'
    void this.#advance()
  }

  drained(): void {
    void this.#advance()
  }

  /** The outlet has nothing more to carry, or nobody to carry it to. */
  gone(): void {
    this.#stop()
    this.#context.forget(this)
  }

  #stop(): void {
    if (this.closed) return
    this.#state = 'closed'
    this.#channel.leave(this)
  }

  ping(): void {
    if (this.closed || this.#position.epoch === '') return
    // What waits since the last beat may wait for ever, also where it is too little to fill the outlet.
    if (this.#outlet.hasUnsent) this.#stall?.begin()
    if (this.#outlet.full) return
    this.#outlet.push(this.#context.pingFrame(this.cursor))
  }

  /** Says why and ends (H3). */
  end(reason: CloseReason, retryAfterMs = this.#context.returnDelayMs(reason)): void {
    if (this.closed) return
    const reconnect = reason !== 'ended' && reason !== 'revoked'
    const bye: Bye = { reason, retryAfterMs, reconnect }
    this.#outlet.push(Frame.ofControl('bye', bye, { retryMs: retryAfterMs }))
    this.#stop()
    if (reason === 'slow_consumer') return this.#outlet.abort()
    this.#outlet.end()
    // A reader that takes nothing must not hold a socket for ever.
    this.#context.wheel.after(this.#context.settings.drainMs, () => this.#outlet.abort())
  }

  /** Whether the reader may be told nothing more because every job it watches has ended. */
  #finishIfEnded(): boolean {
    if (this.#unended?.size !== 0 || this.#outlet.transport !== 'sse') return false
    this.end('ended')
    return true
  }

  async #advance(): Promise<void> {
    if (this.#advancing) return
    this.#advancing = true
    try {
      while (this.#state === 'catching-up' && !this.#outlet.full) {
        if (this.#channel.ring?.covers(this.#position)) this.#becomeLive()
        else await this.#readOn()
      }
    } catch (error) {
      this.failure = error
      this.#context.onError(error, 'catch-up')
      this.end('shutdown')
    } finally {
      this.#advancing = false
    }
  }

  async #readOn(): Promise<void> {
    const { settings, store } = this.#context
    const page = await store.read(this.#channel.namespace, {
      topics: this.#options.topics,
      after: this.#position,
      limit: settings.pageEvents,
      maxBytes: settings.pageBytes,
    })
    if (this.#state !== 'catching-up') return
    if (page.gaps.length > 0) {
      await this.#crossGaps(page)
      if (this.#state !== 'catching-up') return
    }
    const events = page.events.map((event) => this.#context.encode(event, page.upTo.epoch))
    if (!this.#deliver(events)) return
    this.#position = page.upTo
    if (!page.more) await this.#channel.whenWhole()
    this.#told = this.#stillAhead(page)
  }

  /** Tells the gaps of a read that were not told before, and takes its beginning as the position. */
  async #crossGaps(page: ReadResult): Promise<void> {
    const before = this.#position
    const gapped = new Set<string>()
    const news = new Set<string>()
    for (const { reason, topics } of page.gaps) {
      const untold = topics.filter((topic) => !this.#told.has(gapKey(reason, topic)))
      for (const topic of topics) gapped.add(topic)
      for (const topic of untold) news.add(topic)
      if (untold.length > 0) this.#tellGap({ reason, topics: untold, cursor: formatCursor(page.from) })
    }
    for (const topic of this.topics) {
      if (!gapped.has(topic) && page.from.epoch === before.epoch) this.#raiseFloor(topic, before.seq)
      else if (page.from.epoch !== before.epoch) this.#floors.delete(topic)
    }
    this.#position = page.from
    await this.#sendSnapshots([...news])
  }

  /** The gaps of a read that the next one finds again: none of their topics' events has been passed yet. */
  #stillAhead({ gaps, events }: ReadResult): ReadonlySet<string> {
    const passed = new Set(events.filter(({ seq }) => seq <= this.#position.seq).flatMap(({ topics }) => topics))
    return new Set(
      gaps.flatMap(({ reason, topics }) =>
        topics.filter((topic) => !passed.has(topic)).map((topic) => gapKey(reason, topic)),
      ),
    )
  }

  /** The synchronous step from the ring to live: nothing can be announced in between. */
  #becomeLive(): void {
    const ring = this.#channel.ring
    if (!ring || !this.#deliver(ring.after(this.#position))) return
    this.#state = 'live'
    this.#lagging = false
    this.#wasLive = true
    this.#outlet.settled()
    void this.#lookForEndedJobs()
  }

  /** Sends the events that this reader should have; false where the outlet filled up before the last. */
  #deliver(events: readonly EncodedEvent[]): boolean {
    const chosen = this.#lagging
      ? selectForLagging(events, (event) => this.#topicsFor(event), this.#context.counters)
      : null
    for (const encoded of events) {
      if (this.closed) return false
      const position = encoded.position as Position
      if (position.epoch === this.#position.epoch && position.seq <= this.#position.seq) continue
      if (this.#outlet.full) {
        this.#stall?.begin()
        return false
      }
      if (!chosen || chosen.has(encoded)) this.#send(encoded)
      this.#position = position
    }
    return true
  }

  #send(encoded: EncodedEvent): void {
    const { event } = encoded
    const topics = this.#topicsFor(encoded)
    // An end counts also where a filter of types withholds its event.
    if (this.#unended && isTerminalType(event.type)) for (const topic of event.topics) this.#unended.delete(topic)
    if (!topics) {
      if (this.live) this.#finishIfEnded()
      return
    }
    this.#outlet.push(encoded.frame(topics, this.#options.named))
    this.#context.counters.delivered++
    if (event.priority === 'critical') this.#outlet.flush()
    if (this.live) this.#finishIfEnded()
  }

  /** The topics by which this reader receives the event, or null where it should not. */
  #topicsFor(encoded: EncodedEvent): readonly string[] | null {
    const { event } = encoded
    if (this.#types && !this.#types.has(event.type)) return null
    const { topics } = event
    if (topics.length === 1 && this.#floors.size === 0) return this.topics.has(topics[0] as string) ? topics : null
    const mine = topics.filter(
      (topic) => this.topics.has(topic) && !(encoded.position && event.seq <= (this.#floors.get(topic) ?? -1)),
    )
    return mine.length === 0 ? null : mine
  }

  #tellGap(gap: GapNotice): void {
    this.#context.counters.gaps++
    const everything = gap.topics?.length === this.topics.size
    this.#outlet.push(Frame.ofControl('gap', everything ? { reason: gap.reason, cursor: gap.cursor } : gap))
  }

  async #sendSnapshots(topics: readonly string[]): Promise<void> {
    for (const topic of topics) {
      const snapshot = await this.#context.snapshot(this.#channel.namespace, topic)
      if (!snapshot || this.closed) continue
      this.#outlet.push(Frame.ofControl('snapshot', { job: snapshot.job, cursor: formatCursor(snapshot.position) }))
      if (snapshot.position.epoch === this.#position.epoch) this.#raiseFloor(topic, snapshot.position.seq)
    }
  }

  #raiseFloor(topic: string, seq: number): void {
    this.#floors.set(topic, Math.max(seq, this.#floors.get(topic) ?? -1))
  }

  async #lookForEndedJobs(): Promise<void> {
    if (!this.#unended || this.#finishIfEnded()) return
    try {
      for (const topic of [...this.#unended]) {
        if (await this.#context.hasEnded(this.#channel.namespace, topic)) this.#unended.delete(topic)
        if (!this.live) return
      }
      this.#finishIfEnded()
    } catch (error) {
      this.#context.onError(error, 'ended')
    }
  }

  #fallBehindSlow(): void {
    this.#state = 'catching-up'
    this.#lagging = this.#wasLive && this.#outlet.transport !== 'poll'
    this.#stall?.begin()
  }
}
