export interface TypeCount {
  readonly type: string
  readonly count: number
}

/** Most types that the events of one reader are counted by; those of further types are in the sum alone. */
const mostTypes = 10

/**
 * How many events of each type one reader was sent. There are ten thousand of these, and nearly every reader knows one type:
 * that has a place of its own, and the map is made for the second.
 */
export class SentTypes {
  readonly #first: string
  #count = 0
  #others: Map<string, number> | null = null

  constructor(first: string) {
    this.#first = first
  }

  add(type: string): void {
    if (type === this.#first) this.#count++
    else this.#addOther(type)
  }

  #addOther(type: string): void {
    this.#others ??= new Map()
    const count = this.#others.get(type) ?? 0
    if (count > 0 || this.#others.size < mostTypes - 1) this.#others.set(type, count + 1)
  }

  get counts(): TypeCount[] {
    return [[this.#first, this.#count] as const, ...(this.#others ?? [])].map(([type, count]) => ({ type, count }))
  }
}
