import type { Clock } from '../clock.js'
import type { Position } from '../protocol/cursor.js'
import type { Announcement, Following, ReadResult, Store } from '../store/store.js'
import { Audience } from './audience.js'
import { readRemembered } from './everything.js'
import type { FeedObserver } from './figures/observed-feed.js'
import { EncodedEvent } from './frame.js'
import { NamedEvent, Ring } from './ring.js'
import type { StorePresence } from './store-presence.js'
import type { Wheel, WheelTask } from './wheel.js'
import { decodeWord } from './words.js'

export interface ChannelParts {
  readonly store: Store
  readonly presence: StorePresence
  readonly wheel: Wheel
  readonly ringBytes: number
  readonly probeMs: number
  readonly clock: Clock
  readonly delivered: FeedObserver
  readonly onError: (error: unknown, stage: string) => void
}

/**
 * One namespace on this node while somebody reads it: the feed of the store, which fills the ring of the newest announcements
 * and moves the watermark (the newest number heard without a hole), and tells the audience. It may be there before its feed
 * is: a store that is away cannot be followed yet.
 */
export class Channel {
  readonly namespace: string
  readonly audience = new Audience()
  readonly #parts: ChannelParts
  readonly #ring: Ring
  #opening: Promise<void> | null = null
  #following: Following | null = null
  #began: Position | null = null
  #watermark: Position = { epoch: '', seq: 0 }
  /** False from an interruption until the feed has said where it goes on. */
  #whole = false
  #waiting: (() => void)[] = []
  /** Whether the feed has said anything since the last beat, and whether a probe is on its way. */
  #heard = false
  #probing = false
  #beat: WheelTask | null = null
  /** Events up to here may have been erased since they were announced: the ring must not bring them back. */
  #erasedUpTo = 0
  #closed = false

  constructor(namespace: string, parts: ChannelParts) {
    this.namespace = namespace
    this.#parts = parts
    this.#ring = new Ring(parts.ringBytes, this.#watermark)
  }

  /** Resolves when the feed runs; rejects with the store's failure, and may be called again. */
  follow(): Promise<void> {
    this.#opening ??= this.#follow().catch((error: unknown) => {
      this.#opening = null
      throw error
    })
    return this.#opening
  }

  /** The feed runs before anything is read, so that no append falls between reading and listening. */
  async #follow(): Promise<void> {
    const { store } = this.#parts
    const early: (readonly Announcement[])[] = []
    let started = false
    let interrupted = false
    const following = await store.follow(this.namespace, {
      announced: (announcements) => (started ? this.#announced(announcements) : void early.push(announcements.slice())),
      interrupted: () => (started ? this.#interrupted() : void (interrupted = true)),
      probed: (position) => (started ? this.#probed(position) : undefined),
      told: (text) => this.#told(text),
    })
    if (this.#closed) return following.close()
    this.#following = following
    this.#began = following.position
    this.#watermark = following.position
    this.#ring.restart(this.#watermark)
    started = true
    this.#becomeWhole()
    for (const announcements of early) this.#announced(announcements)
    if (interrupted) this.#interrupted()
    this.#startBeats()
  }

  /** After the store was away: announcements may have been missed, whatever the store says. */
  async recover(): Promise<void> {
    if (this.#following) this.#interrupted()
    else await this.follow()
  }

  /** Where the feed began; null before it ran. */
  get began(): Position | null {
    return this.#began
  }
  get watermark(): Position {
    return this.#watermark
  }
  /** The watermark, or `position` where that is later or of another epoch. */
  laterOf(position: Position): Position {
    const { epoch, seq } = this.#watermark
    return epoch === position.epoch && seq > position.seq ? this.#watermark : position
  }
  get ring(): Ring | null {
    return this.#whole ? this.#ring : null
  }

  /** Whether it is the newest of the namespace, as far as a feed without a hole tells. */
  isNewest({ epoch, seq }: Position): boolean {
    return (
      this.#whole && this.#parts.presence.available && seq === this.#watermark.seq && epoch === this.#watermark.epoch
    )
  }

  /**
   * Resolves when the feed can be trusted again, or when it makes sense to read the log once more because it is taking
   * long: until then a reader that has read everything has nothing to do.
   */
  whenWhole(): Promise<void> {
    return this.#whole || this.#closed ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** What comes after `after`, whatever its topics, as far as this node still knows it and the ring does not have it. */
  readEverything(after: Position): Promise<ReadResult> {
    return readRemembered(this.#parts.store, this.namespace, this.ring, after)
  }

  /** Events of the topic up to this number are gone from the log; `upTo` is the last number of the namespace. */
  erased(topic: string, upTo: number): void {
    this.#erasedUpTo = Math.max(this.#erasedUpTo, upTo)
    this.#ring.restart(this.#watermark)
    this.audience.erased(topic)
  }

  close(): void {
    this.#closed = true
    this.#beat?.cancel()
    this.#following?.close()
    this.#following = null
    this.#wake()
  }

  #announced(announcements: readonly Announcement[]): void {
    this.#heard = true
    this.#probing = false
    const heardMs = this.#parts.clock.monotonic()
    let fresh: EncodedEvent[] = []
    for (const announcement of announcements) {
      const { epoch, seq, prev, topics, event } = announcement
      const sameEpoch = epoch === this.#watermark.epoch
      if (sameEpoch && this.#whole && seq <= this.#watermark.seq) continue
      // The store went back and jumped over what it had lost (S6): whoever is in that stretch has to read of it.
      const wentBack = sameEpoch && prev < this.#watermark.seq && seq > this.#watermark.seq
      const hole = !sameEpoch || wentBack || (this.#whole && prev > this.#watermark.seq)
      if (hole || !this.#whole) this.#ring.restart({ epoch, seq: prev })
      this.#becomeWhole()
      const heard = this.#watermark
      const position = { epoch, seq }
      this.#watermark = position
      if (wentBack) this.#ring.restart(this.#watermark)
      // Too large to announce: its readers find it in the log.
      else if (!event) this.#ring.push(new NamedEvent(seq, topics))
      if ((hole || !event || wentBack) && fresh.length > 0) {
        // Whoever falls behind now has had what came before.
        this.#offer(fresh, heardMs)
        fresh = []
      }
      if (hole) this.audience.fallBehind(heard, null)
      if (!event || wentBack) {
        this.audience.fallBehind(heard, topics)
        continue
      }
      // Without the frames of this moment: one event for many people has a frame for each of them.
      if (seq > this.#erasedUpTo) this.#ring.push(event)
      else this.#ring.restart(this.#watermark)
      fresh.push(new EncodedEvent(event, position))
    }
    this.#offer(fresh, heardMs)
  }

  #offer(events: readonly EncodedEvent[], heardMs: number): void {
    this.audience.offer(events)
    this.#parts.delivered(events, heardMs)
  }

  #becomeWhole(): void {
    this.#whole = true
    this.#wake()
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  #interrupted(): void {
    this.#whole = false
    this.audience.fallBehind(this.#watermark, null)
    this.#probe()
  }

  #probed(position: Position): void {
    this.#heard = true
    this.#probing = false
    const heard = this.#watermark
    const missed = position.epoch !== heard.epoch || position.seq > heard.seq
    if (missed) {
      this.#watermark = position
      this.#ring.restart(position)
    }
    // Where nothing was missed nobody has to read: after an absence of the store ten thousand would, all at once.
    if (!this.#whole) this.#becomeWhole()
    if (missed) this.audience.fallBehind(heard, null)
  }

  #probe(): void {
    this.#probing = true
    // A probe that fails is one that is not answered: the next beat tries again, or the store's return does.
    this.#parts.store.probe(this.namespace).catch(() => {})
  }

  /** A feed may die without a word (a connection nobody closed): silence is asked about, and not trusted unanswered. */
  #startBeats(): void {
    const { presence, wheel, probeMs } = this.#parts
    if (!presence.remote) return
    const beat = (): void => {
      this.#beat = wheel.after(probeMs, beat)
      const heard = this.#heard && this.#whole
      this.#heard = false
      if (heard || !presence.available) return
      if (!this.#probing) return this.#probe()
      this.#interrupted()
      this.#wake()
    }
    this.#beat = wheel.after(probeMs, beat)
  }

  #told(text: string): void {
    try {
      const word = decodeWord(text)
      if (word) this.audience.offerVolatile(word.event)
    } catch (error) {
      this.#parts.onError(error, 'told')
    }
  }
}
