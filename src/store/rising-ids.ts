/**
 * Ids that rise as they arrive, as those of one hub do (UUIDv7), each with its number: found by halving, so that nothing but
 * three places in a row is kept of one. As entries of a map, whose growth moves all of them, they were a twentieth of a publish.
 */
export class RisingIds {
  #ids: (string | undefined)[] = []
  #seqs: number[] = []
  #times: number[] = []
  #start = 0

  get size(): number {
    return this.#ids.length - this.#start
  }

  /** When the oldest arrived; undefined: there is none. */
  get oldestMs(): number | undefined {
    return this.#times[this.#start]
  }

  /** False, keeping nothing, where it does not rise: its hub's clock was set back, or there are two hubs. */
  add(id: string, seq: number, atMs: number): boolean {
    const last = this.#ids.at(-1)
    if (last !== undefined && id <= last) return false
    this.#ids.push(id)
    this.#seqs.push(seq)
    this.#times.push(atMs)
    return true
  }

  /** The number of the id; null: it is not here. */
  find(id: string): number | null {
    let low = this.#start
    let high = this.#ids.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#ids[middle] as string) < id) low = middle + 1
      else high = middle
    }
    return low < this.#ids.length && this.#ids[low] === id ? (this.#seqs[low] as number) : null
  }

  dropOldest(): void {
    this.#ids[this.#start++] = undefined
    if (this.#start < 1_024 || this.#start * 2 < this.#ids.length) return
    this.#ids = this.#ids.slice(this.#start)
    this.#seqs = this.#seqs.slice(this.#start)
    this.#times = this.#times.slice(this.#start)
    this.#start = 0
  }
}
