import type { Position } from '../protocol/cursor.js'
import type { ReadResult } from '../store/store.js'
import type { Channel } from './channel.js'
import { selectForLagging } from './conflation.js'
import type { Connection } from './connection.js'
import type { HubContext } from './context.js'
import type { Delivery } from './delivery.js'
import { readsEverything } from './everything.js'
import type { EncodedEvent } from './frame.js'
import { Notices } from './notices.js'
import type { Ring } from './ring.js'
import { type Opening, openingAtNewest, openingOf } from './start.js'

/** Why a reader is not live: it is just opening, its outlet was full, or the feed could not tell it of everything. */
export type Cause = 'opening' | 'slow' | 'feed'

/**
 * A reader's way to being live, one at a time and only while it is not: it reads the log on until the ring has the rest, takes
 * that in one synchronous step, and is done. It pauses while the outlet is full and while the store is away.
 */
export class CatchUp {
  readonly #context: HubContext
  readonly #channel: Channel
  readonly #connection: Connection
  readonly #delivery: Delivery
  readonly #notices: Notices
  /** It was live and could not keep up: E5 and E6 apply on the way. */
  readonly #lagging: boolean
  #begun: boolean
  #hasReadAll: boolean
  #advancing = false
  #done = false
  #stopWaiting: (() => void) | null = null

  constructor(context: HubContext, channel: Channel, connection: Connection, delivery: Delivery, cause: Cause) {
    this.#context = context
    this.#channel = channel
    this.#connection = connection
    this.#delivery = delivery
    this.#notices = new Notices(context, channel.namespace, delivery.outlet, delivery.interest)
    this.#begun = cause !== 'opening'
    this.#lagging = cause === 'slow' && delivery.outlet.transport !== 'poll'
    this.#hasReadAll = cause === 'feed'
  }

  /** It has read all there was: with the feed interrupted it waits for that before it reads again. */
  get hasReadAll(): boolean {
    return this.#hasReadAll
  }

  /**
   * Where the reader will begin; at once where this node knows it. `late`: after a hello that was sent without the store;
   * `known` is what that could tell.
   */
  find(late: { readonly known: Position | null } | null): Promise<Opening> | Opening {
    const newest = this.#context.rightsKnown() ? null : openingAtNewest(this.#channel, this.#connection.options)
    return newest ?? this.#findOut(late)
  }

  async #findOut(late: { readonly known: Position | null } | null): Promise<Opening> {
    if (!this.#channel.began) await this.#channel.follow()
    // Whoever was let in by an old copy of what is revoked gets nothing before the new one is there.
    const known = this.#context.rightsKnown()
    if (known) await known
    return await openingOf(this.#context, this.#channel, this.#connection.options, late)
  }

  begin(opening: Opening): void {
    this.#delivery.position = opening.position
    for (const [topic, seq] of opening.floors) this.#delivery.interest.raiseFloor(topic, seq)
    this.#notices.begin(opening)
    this.#begun = true
  }

  /** Goes on where it stands; nothing where it is on its way already, or cannot be. Never rejects. */
  async advance(): Promise<void> {
    if (this.#advancing) return
    this.#advancing = true
    try {
      while (this.#mayAdvance) {
        try {
          const step = this.#step()
          if (step) await step
        } catch (error) {
          this.#connection.activity.errors++
          if (!this.#connection.outlasts(error)) throw error
          await this.#untilBack()
        }
      }
    } catch (error) {
      this.#context.onError(error, 'catch-up')
      this.#connection.fail(error)
    } finally {
      this.#advancing = false
    }
  }

  /** Waits for nothing any more. */
  stop(): void {
    this.#stopWaiting?.()
  }

  get #mayAdvance(): boolean {
    const { activity, closed } = this.#connection
    return activity.greeted && !this.#done && !closed && !this.#delivery.outlet.full
  }

  /** One step towards live. Nothing may fall between the ring and being live, so that step is synchronous. */
  #step(): Promise<void> | null {
    if (!this.#begun) return this.#openLate()
    if (this.#notices.owing) return this.#sendNotices()
    const { ring } = this.#channel
    const { position } = this.#delivery
    if (ring && position && ring.covers(position)) this.#becomeLive(ring, position)
    else return ring || !this.#hasReadAll ? this.#readOn() : this.#untilWhole()
    return null
  }

  /** What opening a connection does, after its hello: the store is back. */
  async #openLate(): Promise<void> {
    const known = this.#delivery.position
    const opening = await this.find({ known })
    if (this.#connection.closed) return
    this.begin(opening)
    // The hello had no cursor to tell.
    if (known === null) this.#connection.ping()
    if (opening.finished) this.#connection.end('ended')
  }

  async #untilWhole(): Promise<void> {
    // All there is has been read: a poll need not wait for the feed.
    this.#delivery.outlet.settled()
    await this.#channel.whenWhole()
    this.#hasReadAll = false
  }

  async #untilBack(): Promise<void> {
    const wait = this.#context.presence.untilBack()
    this.#stopWaiting = wait.stop
    await wait.over
    this.#stopWaiting = null
  }

  async #readOn(): Promise<void> {
    const before = this.#delivery.position as Position
    const page = await this.#read(before)
    if (this.#connection.closed) return
    if (page.gaps.length > 0) {
      this.#notices.cross(page, before)
      this.#delivery.interest.cross(page, before)
      this.#delivery.position = page.from
      await this.#sendNotices()
      if (this.#connection.closed) return
    }
    const { epoch, seq } = page.upTo
    if (!this.#deliver(page.events.map((event) => this.#context.encode(event, epoch)))) return
    this.#delivery.position = page.upTo
    this.#hasReadAll = !page.more
    this.#notices.passed(page, before)
    // A feed that is ahead of the log, against the contract, must not make us read it in circles.
    if (seq === before.seq && epoch === before.epoch && this.#channel.ring?.covers(before) === false)
      await this.#untilBack()
  }

  #read(after: Position): Promise<ReadResult> {
    const { settings, store } = this.#context
    const { topics } = this.#connection
    if (readsEverything(topics)) return this.#channel.readEverything(after)
    const { pageEvents: limit, pageBytes: maxBytes } = settings
    return store.read(this.#channel.namespace, { topics, after, limit, maxBytes })
  }

  #sendNotices(): Promise<void> {
    return this.#notices.send(this.#delivery.position?.epoch ?? '', () => !this.#connection.closed)
  }

  #becomeLive(ring: Ring, position: Position): void {
    if (!this.#deliver(ring.after(position))) return
    this.#shareWatermark()
    this.#done = true
    this.#connection.becomeLive()
  }

  /** Thousands of readers stand exactly where the feed does: one object for all of them. */
  #shareWatermark(): void {
    const { watermark } = this.#channel
    const { position } = this.#delivery
    if (position?.epoch === watermark.epoch && position.seq === watermark.seq) this.#delivery.position = watermark
  }

  /** Sends the events that this reader should have; false where the outlet filled up before the last. */
  #deliver(events: readonly EncodedEvent[]): boolean {
    const { outlet, interest } = this.#delivery
    const chosen = this.#lagging
      ? selectForLagging(events, (event) => interest.topicsOf(event), this.#context.counters)
      : null
    for (const encoded of events) {
      if (this.#connection.closed) return false
      const position = encoded.position as Position
      if (this.#delivery.isPast(position)) continue
      if (outlet.full) {
        this.#connection.watchStall()
        return false
      }
      if (!chosen || chosen.has(encoded)) this.#delivery.take(encoded)
      else this.#delivery.position = position
    }
    return true
  }
}
