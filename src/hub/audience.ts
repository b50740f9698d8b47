import type { StoredEvent } from '../store/store.js'
import type { Position } from '../protocol/cursor.js'
import type { Connection } from './connection.js'
import { everyTopic } from './everything.js'
import { EncodedEvent } from './frame.js'

/** The readers of one namespace on this node, by topic. */
export class Audience {
  /** Most topics have one reader, and that one needs no set around it. */
  readonly #readers = new Map<string, Connection | Set<Connection>>()

  join(connection: Connection): void {
    for (const topic of connection.topics) {
      const readers = this.#readers.get(topic)
      if (!readers) this.#readers.set(topic, connection)
      else if (readers instanceof Set) readers.add(connection)
      else if (readers !== connection) this.#readers.set(topic, new Set([readers, connection]))
    }
  }

  leave(connection: Connection): void {
    for (const topic of connection.topics) {
      const readers = this.#readers.get(topic)
      if (readers instanceof Set) readers.delete(connection)
      if (readers === connection || (readers instanceof Set && readers.size === 0)) this.#readers.delete(topic)
    }
  }

  /** How many read the topic by its name. */
  of(topic: string): number {
    const readers = this.#readers.get(topic)
    return readers instanceof Set ? readers.size : readers ? 1 : 0
  }

  /**
   * Gives logged events to whoever is live, in their order. Events in a row that have one topic, the same, go to a reader one
   * after the other: what a reader is made of is fetched from memory once for all of them.
   */
  offer(events: readonly EncodedEvent[]): void {
    for (let from = 0, to = 0; from < events.length; from = to) {
      const { topics } = (events[from] as EncodedEvent).event
      to = from + 1
      if (topics.length === 1) while (to < events.length && isOfTopic(events[to] as EncodedEvent, topics[0])) to++
      for (const topic of topics) this.#offer(events, from, to, topic)
      this.#offer(events, from, to, everyTopic)
    }
  }

  #offer(events: readonly EncodedEvent[], from: number, to: number, topic: string): void {
    const readers = this.#readers.get(topic)
    if (!readers) return
    if (readers instanceof Set) for (const connection of readers) offerTo(connection, events, from, to)
    else offerTo(readers, events, from, to)
  }

  /** Gives an event that is not logged to whoever is live right now (E7). */
  offerVolatile(event: StoredEvent): void {
    const encoded = new EncodedEvent(event, null)
    const told = new Set<Connection>()
    for (const connection of this.#ofAny(event.topics)) {
      if (told.has(connection)) continue
      told.add(connection)
      connection.offerVolatile(encoded)
    }
  }

  /** They were told of everything up to `heard`, and have to read on from there. `topics` null: all of them. */
  fallBehind(heard: Position, topics: readonly string[] | null): void {
    const meant = new Set(topics ? this.#ofAny(topics) : this.#all())
    for (const connection of meant) connection.fallBehind(heard)
  }

  erased(topic: string): void {
    for (const connection of this.#ofAny([topic])) connection.erased(topic)
  }

  /** One of several topics several times: a set of all would be another entry for each, for what hardly ever happens. */
  *#all(): Iterable<Connection> {
    for (const readers of this.#readers.values()) {
      if (readers instanceof Set) yield* readers
      else yield readers
    }
  }

  /** Those of each topic, so one of several topics several times, and those of everything. */
  *#ofAny(topics: readonly string[]): Iterable<Connection> {
    for (const topic of [...topics, everyTopic]) {
      const readers = this.#readers.get(topic)
      if (readers instanceof Set) yield* readers
      else if (readers) yield readers
    }
  }
}

function offerTo(connection: Connection, events: readonly EncodedEvent[], from: number, to: number): void {
  for (let index = from; index < to; index++) connection.offer(events[index] as EncodedEvent)
}

const isOfTopic = ({ event: { topics } }: EncodedEvent, topic: string | undefined): boolean =>
  topics.length === 1 && topics[0] === topic
