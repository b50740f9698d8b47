import type { Position } from '../protocol/cursor.js'
import type { Announcement, Following, Store, StoredEvent } from '../store/store.js'
import type { Connection } from './connection.js'
import { EncodedEvent } from './frame.js'
import { Ring } from './ring.js'

/**
 * One namespace on this node while somebody reads it: the feed of the store, the ring of the newest announcements, the
 * watermark (the newest number heard without a hole), and the readers of each topic.
 */
export class Channel {
  readonly namespace: string
  readonly #store: Store
  readonly #ring: Ring
  readonly #readers = new Map<string, Set<Connection>>()
  readonly #connections = new Set<Connection>()
  #following: Following | null = null
  #watermark: Position
  /** False from an interruption until the feed has said where it goes on. */
  #whole = true
  #waiting: (() => void)[] = []

  private constructor(namespace: string, store: Store, ringBytes: number) {
    this.namespace = namespace
    this.#store = store
    this.#watermark = { epoch: '', seq: 0 }
    this.#ring = new Ring(ringBytes, this.#watermark)
  }

  /** The feed runs before anything is read, so that no append falls between reading and listening. */
  static async open(namespace: string, store: Store, ringBytes: number): Promise<Channel> {
    const channel = new Channel(namespace, store, ringBytes)
    const early: (readonly Announcement[])[] = []
    let started = false
    channel.#following = await store.follow(namespace, {
      announced: (announcements) =>
        started ? channel.#announced(announcements) : void early.push(announcements.slice()),
      interrupted: () => channel.#interrupted(),
      probed: (position) => channel.#probed(position),
    })
    channel.#watermark = channel.#following.position
    channel.#ring.restart(channel.#watermark)
    started = true
    for (const announcements of early) channel.#announced(announcements)
    return channel
  }

  get watermark(): Position {
    return this.#watermark
  }
  get ring(): Ring | null {
    return this.#whole ? this.#ring : null
  }
  get connections(): ReadonlySet<Connection> {
    return this.#connections
  }

  /** Resolves when the feed can be trusted again: until then a reader that has read everything has nothing to do. */
  whenWhole(): Promise<void> {
    return this.#whole ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve))
  }

  readersOf(topic: string): number {
    return this.#readers.get(topic)?.size ?? 0
  }

  join(connection: Connection): void {
    this.#connections.add(connection)
    for (const topic of connection.topics) {
      const readers = this.#readers.get(topic)
      if (readers) readers.add(connection)
      else this.#readers.set(topic, new Set([connection]))
    }
  }

  leave(connection: Connection): void {
    this.#connections.delete(connection)
    for (const topic of connection.topics) {
      const readers = this.#readers.get(topic)
      readers?.delete(connection)
      if (readers?.size === 0) this.#readers.delete(topic)
    }
  }

  /** Hands an event that is not logged to whoever is live right now (E7). */
  deliverVolatile(event: StoredEvent): void {
    const encoded = new EncodedEvent(event, null)
    const told = new Set<Connection>()
    for (const topic of event.topics) {
      for (const connection of this.#readers.get(topic) ?? []) {
        if (told.has(connection)) continue
        told.add(connection)
        connection.offerVolatile(encoded)
      }
    }
  }

  close(): void {
    this.#following?.close()
    this.#following = null
    this.#becomeWhole()
  }

  #announced(announcements: readonly Announcement[]): void {
    for (const announcement of announcements) {
      const { epoch, seq, prev, topics, event } = announcement
      const sameEpoch = epoch === this.#watermark.epoch
      if (sameEpoch && this.#whole && seq <= this.#watermark.seq) continue
      const hole = !sameEpoch || (this.#whole && prev > this.#watermark.seq)
      if (hole || !this.#whole) this.#ring.restart({ epoch, seq: prev })
      this.#becomeWhole()
      this.#watermark = { epoch, seq }
      if (hole) this.#allBehind()
      if (!event) {
        // Too large to announce: its readers find it in the log, and nobody finds it in the ring.
        this.#ring.restart(this.#watermark)
        for (const topic of topics) for (const connection of this.#readers.get(topic) ?? []) connection.fallBehind()
        continue
      }
      const encoded = new EncodedEvent(event, epoch)
      // Without the frames of this moment: one event for many people has a frame for each of them.
      this.#ring.push(new EncodedEvent(event, epoch))
      for (const topic of topics) for (const connection of this.#readers.get(topic) ?? []) connection.offer(encoded)
    }
  }

  #becomeWhole(): void {
    this.#whole = true
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  #interrupted(): void {
    this.#whole = false
    this.#allBehind()
    void this.#store.probe(this.namespace).catch(() => {})
  }

  #probed(position: Position): void {
    const ahead = position.epoch !== this.#watermark.epoch || position.seq > this.#watermark.seq
    if (this.#whole && !ahead) return
    this.#becomeWhole()
    this.#watermark = position
    this.#ring.restart(position)
    this.#allBehind()
  }

  #allBehind(): void {
    for (const connection of this.#connections) connection.fallBehind()
  }
}
