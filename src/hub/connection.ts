import type { CloseReason } from '../protocol/control.js'
import { type Position, formatCursor } from '../protocol/cursor.js'
import { Activity } from './activity.js'
import { CatchUp, type Cause } from './catch-up.js'
import type { Channel } from './channel.js'
import type { ConnectionOptions } from './connection-options.js'
import type { HubContext } from './context.js'
import { Delivery } from './delivery.js'
import type { EncodedEvent } from './frame.js'
import { gateOf } from './gate.js'
import { byeFrame, helloFrames } from './hello.js'
import { Interest } from './interest.js'
import { JobEndings } from './job-endings.js'
import { tellGap } from './notices.js'
import type { Outlet, OutletListener } from './outlet.js'
import { StallWatch } from './stall-watch.js'
import { positionKnownFor } from './start.js'

/**
 * One reader. It is a position in the log, not a queue (D6): *live* it passes on shared frames as they are announced; when
 * its outlet is full it remembers only where it is, and {@link CatchUp} brings it back. Start-up replay, slow readers, polls,
 * in-process readers and the absence of the store are all this.
 */
export class Connection implements OutletListener {
  readonly id: string
  readonly options: ConnectionOptions
  readonly activity: Activity
  readonly #context: HubContext
  readonly #channel: Channel
  readonly #outlet: Outlet
  readonly #delivery: Delivery
  /** Null: it is live, or was when it closed. */
  #catchUp: CatchUp | null
  #closed = false
  /** Made when bytes wait for the first time: most readers never keep any waiting. */
  #stall: StallWatch | null = null
  /** Why the log could not be read on, where that ended it. */
  failure: unknown = null

  constructor(context: HubContext, channel: Channel, outlet: Outlet, id: string, options: ConnectionOptions) {
    this.id = id
    this.options = options
    this.#context = context
    this.#channel = channel
    this.#outlet = outlet
    this.activity = new Activity(context.clock.monotonic())
    const { topics, types, reader, named } = options
    const interest = new Interest(topics, types, gateOf(context, reader))
    const endings = this.#isStream ? JobEndings.of(context, channel.namespace, topics, () => this.end('ended')) : null
    this.#delivery = new Delivery(context, outlet, interest, endings, this.activity, named)
    this.#catchUp = this.#chase('opening')
  }

  get topics(): readonly string[] {
    return this.options.topics
  }
  get namespace(): string {
    return this.#channel.namespace
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
    const { position } = this.#delivery
    return !this.live && position?.epoch === epoch ? Math.max(0, seq - position.seq) : 0
  }
  get transport(): Outlet['transport'] {
    return this.#outlet.transport
  }
  get closed(): boolean {
    return this.#closed
  }
  get live(): boolean {
    return this.#catchUp === null && !this.#closed
  }
  /** Everything that was there has been sent. */
  get upToDate(): boolean {
    return this.live || (this.#catchUp?.hasReadAll ?? false)
  }
  /** At or below it everything was sent, or withheld on purpose (D7). Null before the position is known. */
  get cursor(): Position | null {
    const { position } = this.#delivery
    return this.live && position ? this.#channel.laterOf(position) : position
  }

  /**
   * Finds the position, says hello and begins. Returns false, having sent nothing, where all topics are ended jobs and the
   * cursor has passed their ends: the caller answers 204 (H3). A stream whose store is away says hello at once and goes on
   * when it is back (S5); a poll rejects.
   */
  async open(): Promise<boolean> {
    const catchUp = this.#catchUp as CatchUp
    try {
      const { presence } = this.#context
      const found = catchUp.find(null)
      // Nobody waits long for a hello, also where the store hangs and has not been found to be away yet (H1).
      const opening = !(found instanceof Promise)
        ? found
        : await (this.transport === 'poll' ? found : presence.inTime(found))
      if (this.#closed) return true
      if (opening.finished) {
        this.gone()
        return false
      }
      this.#greet(opening.position, opening.resumed, !presence.available)
      catchUp.begin(opening)
    } catch (error) {
      if (this.#closed) return true
      if (!this.outlasts(error)) throw error
      const position = positionKnownFor(this.options.start, this.#channel)
      this.#delivery.position = position
      this.#greet(position, false, true)
    }
    this.#channel.audience.join(this)
    void catchUp.advance()
    return true
  }

  #greet(position: Position | null, resumed: boolean, degraded: boolean): void {
    this.activity.greet(this.#context.clock.monotonic())
    if (resumed) this.#context.counters.resumed++
    // Nobody else reads one: a poll has all of it in its answer.
    if (!this.#isStream) return
    for (const frame of helloFrames(this.#context, this.id, this.options, { position, resumed, degraded }))
      this.#outlet.push(frame)
  }

  /** Whether this failure is one to wait out: the store is away, and a stream may stay open meanwhile. */
  outlasts(error: unknown): boolean {
    return this.transport !== 'poll' && this.#context.presence.explains(error)
  }

  /** Takes a live event. Called by the channel, in order. */
  offer(encoded: EncodedEvent): void {
    if (!this.live) return
    const { position } = encoded
    if (position === null || this.#delivery.isPast(position)) return
    if (this.#outlet.full) {
      this.#catchUp = this.#chase('slow')
      return this.watchStall()
    }
    this.#delivery.take(encoded)
    this.#delivery.endings?.finish()
  }

  /** Takes an event that has no place in the log: now or never. */
  offerVolatile(encoded: EncodedEvent): void {
    // Who was live when the store went away is as live as one can be without it (E7).
    const { live } = this
    const waits = !this.#closed && this.upToDate && !this.#context.presence.available
    if ((!live && !waits) || this.#outlet.full) return
    this.#delivery.take(encoded)
    if (live) this.#delivery.endings?.finish()
  }

  /**
   * The feed has a hole, or an event was too large for it: read the log on. Not from the last event of its own but from
   * `heard`, which a ping may have told it: where that is a number the store has lost since, it has to hear so (S6).
   */
  fallBehind(heard: Position): void {
    if (!this.live) return
    const { position } = this.#delivery
    if (heard.epoch === position?.epoch && heard.seq > position.seq) this.#delivery.position = heard
    this.#catchUp = this.#chase('feed')
    void this.#catchUp.advance()
  }

  #chase(cause: Cause): CatchUp {
    return new CatchUp(this.#context, this.#channel, this, this.#delivery, cause)
  }

  /** It has caught up: from now on events are offered to it. */
  becomeLive(): void {
    this.#catchUp = null
    this.#outlet.settled()
    void this.#delivery.endings?.look(() => this.live)
  }

  /** What was kept of a topic has been taken away: what the reader shows of it is no longer so. */
  erased(topic: string): void {
    // One whose position is behind the erasing finds it in the log.
    if (!this.live || !this.cursor) return
    const gap = { reason: 'unknown', topics: [topic], cursor: formatCursor(this.cursor) } as const
    tellGap(this.#context, this.#outlet, this.topics, gap)
  }

  drained(): void {
    void this.#catchUp?.advance()
  }

  /** The outlet has nothing more to carry, or nobody to carry it to. */
  gone(): void {
    this.#stop()
    this.#context.forget(this)
    this.options.place?.release()
  }

  /** Whatever still waits, and whether or not the other side closes. */
  letGo(): void {
    this.#outlet.abort()
    this.gone()
  }

  #stop(): void {
    if (this.#closed) return
    this.#closed = true
    this.#channel.audience.leave(this)
    this.#catchUp?.stop()
  }

  /** False where it cannot be told anything now. */
  ping(): boolean {
    if (this.#closed || !this.activity.greeted) return false
    // What waits since the last beat may wait for ever, also where it is too little to fill the outlet.
    if (this.#outlet.hasUnsent) this.watchStall()
    if (this.#outlet.full) return false
    this.#outlet.push(this.#context.pings.frame(this.cursor))
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
    if (this.#closed) return
    this.activity.end(reason, this.#context.clock.monotonic())
    this.#outlet.push(byeFrame(reason, this.#context.returns.afterMs(reason), reconnect))
    this.#stop()
    if (reason === 'slow_consumer') return this.#outlet.abort()
    this.#outlet.end()
    // A reader that takes nothing must not hold a socket for ever.
    this.#context.wheel.after(this.#context.settings.drainMs, () => this.#outlet.abort())
  }

  /** Bytes wait: a stream that takes none of them for too long is ended (D6). */
  watchStall(): void {
    if (!this.#isStream) return
    const { wheel, clock, settings } = this.#context
    this.#stall ??= new StallWatch(this.#outlet, wheel, clock, settings.slowConsumerMs, () => this.end('slow_consumer'))
    this.#stall.begin()
  }

  get #isStream(): boolean {
    return this.#outlet.transport === 'sse'
  }
}
