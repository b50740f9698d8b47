/** The newest of what was added, at most so many: what is older is forgotten. */
export class Newest<Item> {
  readonly #most: number
  /** From `#at` on in a circle. */
  readonly #items: Item[] = []
  #at = 0

  constructor(most: number) {
    this.#most = most
  }

  get last(): Item | undefined {
    return this.#items.at(this.#at - 1)
  }

  add(item: Item): void {
    this.#items[this.#at] = item
    this.#at = (this.#at + 1) % this.#most
  }

  /** Puts it in the place of the last one. */
  replaceLast(item: Item): void {
    this.#at = (this.#at + this.#most - 1) % this.#most
    this.add(item)
  }

  /** A copy. */
  newestFirst(): Item[] {
    return [...this.#items.slice(this.#at), ...this.#items.slice(0, this.#at)].reverse()
  }
}
