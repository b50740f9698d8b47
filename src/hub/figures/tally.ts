/** Most names that a tally keeps apart. What comes under further names is counted together. */
const mostNames = 100

/** Counts by name, of names that others choose: bounded, with the rate of the last window. */
export class Tally {
  readonly #counts = new Map<string, { total: number; window: number; before: number }>()
  /** Of names that no longer fitted. */
  #rest = 0

  add(name: string): void {
    const count = this.#counts.get(name)
    if (count) {
      count.total++
      count.window++
    } else if (this.#counts.size < mostNames) this.#counts.set(name, { total: 1, window: 1, before: 0 })
    else this.#rest++
  }

  /** A window ends: its counts are what the rate is told by. */
  turn(): void {
    for (const count of this.#counts.values()) {
      count.before = count.window
      count.window = 0
    }
  }

  /** `perWindow`: of the last whole window. */
  get data(): TallyData {
    return {
      names: [...this.#counts].map(([name, { total, before }]) => ({ name, total, perWindow: before })),
      rest: this.#rest,
    }
  }
}

export interface TallyData {
  readonly names: readonly { readonly name: string; readonly total: number; readonly perWindow: number }[]
  readonly rest: number
}

export const noTally: TallyData = { names: [], rest: 0 }

export function addTallies(a: TallyData, b: TallyData): TallyData {
  const names = new Map(a.names.map((each) => [each.name, each]))
  for (const { name, total, perWindow } of b.names) {
    const same = names.get(name)
    names.set(name, { name, total: total + (same?.total ?? 0), perWindow: perWindow + (same?.perWindow ?? 0) })
  }
  return { names: [...names.values()], rest: a.rest + b.rest }
}

/** The most frequent first, as many as one tally keeps apart: the others are counted together. */
export function mostFrequent({ names, rest }: TallyData): TallyData {
  const sorted = names.toSorted((a, b) => b.total - a.total)
  const cut = sorted.slice(mostNames).reduce((sum, { total }) => sum + total, rest)
  return { names: sorted.slice(0, mostNames), rest: cut }
}
