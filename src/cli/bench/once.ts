/** By how many numbers one may overtake another: who sends the n-th has had the answer to the one so many before it. */
export const mostAhead = 256

/**
 * Tells which numbers come again, of any many, in a few bytes: numbers that rise, each at most {@link mostAhead} late. What is
 * later still has been here.
 */
export class Once {
  readonly #had = new Uint8Array(mostAhead)
  #highest = -1

  /** False: it has been here. */
  take(number: number): boolean {
    if (number <= this.#highest - mostAhead) return false
    if (number - this.#highest > mostAhead) this.#had.fill(0)
    else for (let next = this.#highest + 1; next <= number; next++) this.#had[next % mostAhead] = 0
    this.#highest = Math.max(this.#highest, number)
    const place = number % mostAhead
    if (this.#had[place] === 1) return false
    this.#had[place] = 1
    return true
  }
}
