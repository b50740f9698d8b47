/** Enough for the browsers of one day. */
const mostTexts = 1_000
const longestText = 256

/** One string for all who say the same: ten thousand connections come with a few dozen user agents. */
export class SharedTexts {
  readonly #texts = new Map<string, string>()

  get(text: string): string {
    const short = text.slice(0, longestText)
    const known = this.#texts.get(short)
    if (known !== undefined) return known
    // Whoever sends another one each time must not fill the memory.
    if (this.#texts.size >= mostTexts) this.#texts.clear()
    this.#texts.set(short, short)
    return short
  }
}
