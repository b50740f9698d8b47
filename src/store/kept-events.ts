import type { StoredEvent } from './store.js'

/** How many events the logs of a namespace keep, each once, however many topics it has. */
export class KeptEvents {
  #count = 0
  /** Of those with several topics: by number, how many of them keep it. */
  readonly #uses = new Map<number, number>()

  get count(): number {
    return this.#count
  }

  add({ seq, topics }: StoredEvent): void {
    this.#count++
    if (topics.length > 1) this.#uses.set(seq, topics.length)
  }

  /** One topic keeps it no longer. */
  drop({ seq, topics }: StoredEvent): void {
    const left = topics.length > 1 ? (this.#uses.get(seq) ?? 1) - 1 : 0
    if (left > 0) {
      this.#uses.set(seq, left)
      return
    }
    this.#uses.delete(seq)
    this.#count--
  }
}
