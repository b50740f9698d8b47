import { type Counters, newCounters } from '../counters.js'
import { DeliveryTimes } from './delivery-times.js'
import { Histogram } from './histogram.js'
import { Tally } from './tally.js'

/** Most namespaces whose types of events are counted apart. */
const mostNamespaces = 1_000

/** What a node counts and times. Whoever does a thing counts it here; readers take copies. */
export class Figures {
  readonly counters: Counters = newCounters()
  /** From an append of this node until its event was written to the readers of this node, one count a delivery. */
  readonly delivery = new Histogram()
  readonly times = new DeliveryTimes(this.delivery)
  /** The same from the moment the event was heard, for events of all nodes. */
  readonly feed = new Histogram()
  /** From a stream's request until its `hello`. */
  readonly connect = new Histogram()
  readonly append = new Histogram()
  readonly read = new Histogram()
  /** The longest delay of each second. */
  readonly eventLoop = new Histogram()
  readonly #types = new Map<string, Tally>()

  /** How many events of each type this node stored, of one namespace. */
  typesOf(namespace: string): Tally | undefined {
    return this.#types.get(namespace)
  }

  stored(namespace: string, type: string): void {
    let tally = this.#types.get(namespace)
    if (!tally) {
      if (this.#types.size >= mostNamespaces) return
      tally = new Tally()
      this.#types.set(namespace, tally)
    }
    tally.add(type)
  }

  refused(code: string): void {
    const { refusedBy } = this.counters
    refusedBy[code] = (refusedBy[code] ?? 0) + 1
  }

  /** A window of rates ends. */
  turn(): void {
    for (const tally of this.#types.values()) tally.turn()
  }
}
