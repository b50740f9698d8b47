import type { Histogram } from './histogram.js'

/** Events that are on their way at once and timed, of all namespaces together; a power of two. */
const slots = 8_192

/**
 * Brings together when an event was handed to the store and when it was written to its readers, whichever is known first:
 * a store may announce before it answers. The first to come waits in a slot of its number, so nothing is made for an event;
 * one that is overtaken by thousands of newer ones loses its slot and is not timed. Epochs are as good as names of
 * namespaces: each is random.
 */
export class DeliveryTimes {
  readonly #histogram: Histogram
  readonly #epochs: (string | undefined)[] = Array.from({ length: slots })
  readonly #seqs = new Float64Array(slots)
  /** When it was handed over, where `#deliveries` is 0, and else when it was written. */
  readonly #momentsMs = new Float64Array(slots)
  readonly #deliveries = new Float64Array(slots)

  constructor(histogram: Histogram) {
    this.#histogram = histogram
  }

  /** This node handed the event to the store at `startedMs`, and it was stored. */
  stored(epoch: string, seq: number, startedMs: number): void {
    const slot = slotOf(epoch, seq)
    const deliveries = this.#isOf(slot, epoch, seq) ? (this.#deliveries[slot] as number) : 0
    if (deliveries > 0) this.#observe(slot, (this.#momentsMs[slot] as number) - startedMs, deliveries)
    else this.#keep(slot, epoch, seq, startedMs, 0)
  }

  /** It was written to so many readers of this node, at least one, at `writtenMs`. */
  written(epoch: string, seq: number, deliveries: number, writtenMs: number): void {
    const slot = slotOf(epoch, seq)
    if (this.#isOf(slot, epoch, seq)) this.#observe(slot, writtenMs - (this.#momentsMs[slot] as number), deliveries)
    else this.#keep(slot, epoch, seq, writtenMs, deliveries)
  }

  #isOf(slot: number, epoch: string, seq: number): boolean {
    return this.#seqs[slot] === seq && this.#epochs[slot] === epoch
  }

  #keep(slot: number, epoch: string, seq: number, momentMs: number, deliveries: number): void {
    // What was overtaken must not take the place of what overtook it: of a great burst nothing at all would be timed.
    if (this.#epochs[slot] === epoch && (this.#seqs[slot] as number) > seq) return
    this.#epochs[slot] = epoch
    this.#seqs[slot] = seq
    this.#momentsMs[slot] = momentMs
    this.#deliveries[slot] = deliveries
  }

  #observe(slot: number, tookMs: number, deliveries: number): void {
    this.#epochs[slot] = undefined
    this.#histogram.observe(tookMs / 1_000, deliveries)
  }
}

/** Numbers in a row have places in a row; where they begin differs from namespace to namespace. */
const slotOf = (epoch: string, seq: number): number =>
  (seq + epoch.charCodeAt(0) * 131 + epoch.charCodeAt(1) * 17) % slots
