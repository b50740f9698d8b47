import type { CloseReason } from '../protocol/control.js'
import type { Position } from '../protocol/cursor.js'
import type { ReadResult } from '../store/store.js'
import { Activity } from './activity.js'
import type { Channel } from './channel.js'
import { selectForLagging } from './conflation.js'
import type { ConnectionOptions } from './connection-options.js'
import { readsEverything } from './everything.js'
import type { EncodedEvent } from './frame.js'
import { gateOf } from './gate.js'
import { byeFrame, helloFrames } from './hello.js'
import type { HubContext } from './hub.js'
import { Interest } from './interest.js'
import { JobEndings } from './job-endings.js'
import { Notices } from './notices.js'
import type { Outlet, OutletListener } from './outlet.js'
import type { Ring } from './ring.js'
import { StallWatch } from './stall-watch.js'
import { type Opening, openingOf, positionKnownFor } from './start.js'

/**
 * One reader. It is a position in the log, not a queue (D6): *live* it passes on shared frames as they are announced; when
 * its outlet is full it remembers only where it is; drained, it reads the log on until the ring has the rest, takes that in
 * one synchronous step and is live again. Start-up replay, slow readers, polls, in-process readers and the absence of the
 * store are this one loop.
 */
export class Connection implements OutletListener {
  readonly id: string
  readonly activity: Activity
  readonly #context: HubContext
  readonly #channel: Channel
  readonly #outlet: Outlet
  readonly #options: ConnectionOptions
  /** Made when bytes wait for the first time: most readers never keep any waiting. */
  #stall: StallWatch | null = null
  readonly #interest: Interest
  readonly #notices: Notices
  readonly #endings: JobEndings | null
  /** Null while only the store, which is away, could tell it. */
  #position: Position | null = null
  #state: 'opening' | 'catching-up' | 'live' | 'closed' = 'opening'
  /** It has read all there was: with the feed interrupted it waits for that before it reads again. */
  #caughtUp = false
  /** It was live and could not keep up: E5 and E6 apply until it is live again. */
  #lagging = false
  #wasLive = false
  #advancing = false
  #stopWaiting: (() => void) | null = null
  /** Why the log could not be read on, where that ended it. */
  failure: unknown = null

  constructor(context: HubContext, channel: Channel, outlet: Outlet, id: string, options: ConnectionOptions) {
    this.id = id
    this.#context = context
    this.#channel = channel
    this.#outlet = outlet
    this.#options = options
    this.activity = new Activity(context.clock.monotonic())
    this.#interest = new Interest(options.topics, options.types, gateOf(context, options.reader))
    this.#notices = new Notices(context, channel.namespace, outlet, this.#interest)
    this.#endings = this.#isStream
      ? JobEndings.of(context, channel.namespace, options.topics, () => this.end('ended'))
      : null
  }

  get topics(): readonly string[] {
    return this.#interest.topics
  }
  get namespace(): string {
    return this.#channel.namespace
  }
  get options(): ConnectionOptions {
    return this.#options
  }
  get unsentBytes(): number {
    return this.#outlet.unsentBytes ?? 0
  }
  /** Since when (monotonic ms) what waits has been standing still, to the best of what was noticed. Null: nothing waits. */
  get stalledMs(): number | null {
    return this.#outlet.hasUnsent ? (this.#stall?.sinceMs ?? this.activity.writeMs) : null
  }
  /** By how many numbers of its namespace it is behind what this node has heard. */
  get lag(): number {
    const { epoch, seq } = this.#channel.watermark
    return !this.live && this.#position?.epoch === epoch ? Math.max(0, seq - this.#position.seq) : 0
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
  /** Everything that was there has been sent. */
  get upToDate(): boolean {
    return this.live || this.#caughtUp
  }
  /** At or below it everything was sent, or withheld on purpose (D7). Null before the position is known. */
  get cursor(): Position | null {
    return this.live && this.#position ? this.#channel.laterOf(this.#position) : this.#position
  }

  /**
   * Finds the position, says hello and begins. Returns false, having sent nothing, where all topics are ended jobs and the
   * cursor has passed their ends: the caller answers 204 (H3). A stream whose store is away says hello at once and goes on
   * when it is back (S5); a poll rejects.
   */
  async open(): Promise<boolean> {
    try {
      const { presence } = this.#context
      const found = this.#findOpening(null)
      // Nobody waits long for a hello, also where the store hangs and has not been found to be away yet (H1).
      const opening = await (this.transport === 'poll' ? found : presence.inTime(found))
      if (this.closed) return true
      if (opening.finished) {
        this.gone()
        return false
      }
      this.#greet(opening.position, opening.resumed)
      this.#begin(opening)
    } catch (error) {
      if (this.closed) return true
      if (!this.#outlasts(error)) throw error
      this.#position = positionKnownFor(this.#options.start, this.#channel)
      this.#greet(this.#position, false, true)
    }
    this.#channel.join(this)
    void this.#advance()
    return true
  }

  async #findOpening(late: { readonly known: Position | null } | null): Promise<Opening> {
    await this.#channel.follow()
    // Whoever was let in by an old copy of what is revoked gets nothing before the new one is there.
    const known = this.#context.rightsKnown()
    if (known) await known
    return await openingOf(this.#context, this.#channel, this.#options, late)
  }

  #greet(position: Position | null, resumed: boolean, degraded = !this.#context.presence.available): void {
    this.activity.greet(this.#context.clock.monotonic())
    helloFrames(this.#context, this.id, this.#options, { position, resumed, degraded }).forEach((each) =>
      this.#outlet.push(each),
    )
  }

  #begin(opening: Opening): void {
    this.#position = opening.position
    for (const [topic, seq] of opening.floors) this.#interest.raiseFloor(topic, seq)
    this.#notices.begin(opening)
    this.#state = 'catching-up'
  }

  /** Whether this failure is one to wait out: the store is away, and a stream may stay open meanwhile. */
  #outlasts(error: unknown): boolean {
    return this.#outlet.transport !== 'poll' && this.#context.presence.explains(error)
  }

  /** Takes a live event. Called by the channel, in order. */
  offer(encoded: EncodedEvent): void {
    if (this.#state !== 'live') return
    const { event, position } = encoded
    if (position === null || (position.epoch === this.#position?.epoch && event.seq <= this.#position.seq)) return
    if (this.#outlet.full) return this.#fallBehindSlow()
    this.#send(encoded)
    this.#position = position
  }

  /** Takes an event that has no place in the log: now or never. */
  offerVolatile(encoded: EncodedEvent): void {
    // Who was live when the store went away is as live as one can be without it (E7).
    const waits = this.#state === 'catching-up' && this.#caughtUp && !this.#context.presence.available
    if ((this.live || waits) && !this.#outlet.full) this.#send(encoded)
  }

  /**
   * The feed has a hole, or an event was too large for it: read the log on. Not from the last event of its own but from
   * `heard`, which a ping may have told it: where that is a number the store has lost since, it has to hear so (S6).
   */
  fallBehind(heard: Position): void {
    if (this.#state !== 'live') return
    if (heard.epoch === this.#position?.epoch && heard.seq > this.#position.seq) this.#position = heard
    this.#state = 'catching-up'
    void this.#advance()
  }

  /** What was kept of a topic has been taken away: what the reader shows of it is no longer so. */
  erased(topic: string): void {
    if (this.live && this.cursor) this.#notices.erased(topic, this.cursor)
  }

  drained(): void {
    void this.#advance()
  }

  /** The outlet has nothing more to carry, or nobody to carry it to. */
  gone(): void {
    this.#stop()
    this.#context.forget(this)
    this.#options.gone?.()
  }

  /** Whatever still waits, and whether or not the other side closes. */
  letGo(): void {
    this.#outlet.abort()
    this.gone()
  }

  #stop(): void {
    if (this.closed) return
    this.#state = 'closed'
    this.#channel.leave(this)
    this.#stopWaiting?.()
  }

  /** False where it cannot be told anything now. */
  ping(): boolean {
    if (this.closed || !this.activity.greeted) return false
    // What waits since the last beat may wait for ever, also where it is too little to fill the outlet.
    if (this.#outlet.hasUnsent) this.#watchStall()
    if (this.#outlet.full) return false
    this.#outlet.push(this.#context.pingFrame(this.cursor))
    this.activity.wrote(this.#context.wheel.coarseMs)
    return true
  }

  /** Ends with what it has, and why there is no more. */
  fail(failure: unknown): void {
    this.failure = failure
    this.end('shutdown')
  }

  /** Says why, and ends (H3). `reconnect`: whether coming back makes sense; default: unless it ended or was revoked. */
  end(reason: CloseReason, reconnect = reason !== 'ended' && reason !== 'revoked'): void {
    if (this.closed) return
    this.activity.end(reason, this.#context.clock.monotonic())
    this.#outlet.push(byeFrame(reason, this.#context.returnDelayMs(reason), reconnect))
    this.#stop()
    if (reason === 'slow_consumer') return this.#outlet.abort()
    this.#outlet.end()
    // A reader that takes nothing must not hold a socket for ever.
    this.#context.wheel.after(this.#context.settings.drainMs, () => this.#outlet.abort())
  }

  async #advance(): Promise<void> {
    if (this.#advancing) return
    this.#advancing = true
    try {
      while (this.activity.greeted && !this.live && !this.closed && !this.#outlet.full) {
        try {
          const step = this.#step()
          if (step) await step
        } catch (error) {
          this.activity.errors++
          if (!this.#outlasts(error)) throw error
          await this.#untilBack()
        }
      }
    } catch (error) {
      this.#context.onError(error, 'catch-up')
      this.fail(error)
    } finally {
      this.#advancing = false
    }
  }

  /** One step towards live. Nothing may fall between the ring and being live, so that step is synchronous. */
  #step(): Promise<void> | null {
    if (this.#state === 'opening') return this.#openLate()
    if (this.#notices.owing) return this.#sendNotices()
    const { ring } = this.#channel
    if (ring && this.#position && ring.covers(this.#position)) this.#becomeLive(ring)
    else return ring || !this.#caughtUp ? this.#readOn() : this.#untilWhole()
    return null
  }

  /** What {@link open} does, after the hello: the store is back. */
  async #openLate(): Promise<void> {
    const known = this.#position
    const opening = await this.#findOpening({ known })
    if (this.closed) return
    this.#begin(opening)
    // The hello had no cursor to tell.
    if (known === null) this.ping()
    if (opening.finished) this.end('ended')
  }

  async #untilWhole(): Promise<void> {
    // All there is has been read: a poll need not wait for the feed.
    this.#outlet.settled()
    await this.#channel.whenWhole()
    this.#caughtUp = false
  }

  async #untilBack(): Promise<void> {
    const wait = this.#context.presence.untilBack()
    this.#stopWaiting = wait.stop
    await wait.over
    this.#stopWaiting = null
  }

  async #readOn(): Promise<void> {
    const before = this.#position as Position
    const page = await this.#read(before)
    if (this.#state !== 'catching-up') return
    if (page.gaps.length > 0) {
      this.#notices.cross(page, before)
      this.#interest.cross(page, before)
      this.#position = page.from
      await this.#sendNotices()
      if (this.#state !== 'catching-up') return
    }
    const events = page.events.map((event) => this.#context.encode(event, page.upTo.epoch))
    if (!this.#deliver(events)) return
    this.#position = page.upTo
    this.#caughtUp = !page.more
    this.#notices.passed(page, before)
    // A feed that is ahead of the log, against the contract, must not make us read it in circles.
    if (
      page.upTo.seq === before.seq &&
      page.upTo.epoch === before.epoch &&
      this.#channel.ring?.covers(before) === false
    )
      await this.#untilBack()
  }

  #read(after: Position): Promise<ReadResult> {
    const { settings, store } = this.#context
    const { topics } = this.#options
    if (readsEverything(topics)) return this.#channel.readEverything(after)
    const { pageEvents: limit, pageBytes: maxBytes } = settings
    return store.read(this.#channel.namespace, { topics, after, limit, maxBytes })
  }

  #sendNotices(): Promise<void> {
    return this.#notices.send(this.#position?.epoch ?? '', () => this.#state === 'catching-up')
  }

  #becomeLive(ring: Ring): void {
    if (!this.#deliver(ring.after(this.#position as Position))) return
    this.#state = 'live'
    this.#caughtUp = true
    this.#lagging = false
    this.#wasLive = true
    this.#notices.live()
    this.#outlet.settled()
    void this.#endings?.look(() => this.live)
  }

  /** Sends the events that this reader should have; false where the outlet filled up before the last. */
  #deliver(events: readonly EncodedEvent[]): boolean {
    const chosen = this.#lagging
      ? selectForLagging(events, (event) => this.#interest.topicsOf(event), this.#context.counters)
      : null
    for (const encoded of events) {
      if (this.closed) return false
      const position = encoded.position as Position
      if (position.epoch === this.#position?.epoch && position.seq <= this.#position.seq) continue
      if (this.#outlet.full) {
        this.#watchStall()
        return false
      }
      if (!chosen || chosen.has(encoded)) this.#send(encoded)
      this.#position = position
    }
    return true
  }

  #send(encoded: EncodedEvent): void {
    const { event } = encoded
    const topics = this.#interest.topicsOf(encoded)
    this.#endings?.note(event)
    if (topics) {
      this.#outlet.push(encoded.frame(topics, this.#options.named))
      this.#context.counters.delivered++
      this.activity.sentEvent(this.#context.wheel.coarseMs)
      if (event.priority === 'critical') this.#outlet.flush()
    }
    if (this.live) this.#endings?.finish()
  }

  #fallBehindSlow(): void {
    this.#state = 'catching-up'
    this.#caughtUp = false
    this.#lagging = this.#wasLive && this.#outlet.transport !== 'poll'
    this.#watchStall()
  }

  #watchStall(): void {
    if (!this.#isStream) return
    const { wheel, clock, settings } = this.#context
    this.#stall ??= new StallWatch(this.#outlet, wheel, clock, settings.slowConsumerMs, () => this.end('slow_consumer'))
    this.#stall.begin()
  }

  get #isStream(): boolean {
    return this.#outlet.transport === 'sse'
  }
}
