import { TidingsError } from '../errors.js'

/** A setting that cannot be; `field` is its flag, its variable or its key. */
export const refusal = (field: string, message: string): TidingsError =>
  new TidingsError('option_invalid', message, { field })

export const contradiction = (one: string, other: string, why = ''): TidingsError =>
  refusal(one, `${one} and ${other} contradict each other. ${why}`.trimEnd())

/** The known name that was probably meant, as the end of a sentence; empty where none is near. */
export function didYouMean(name: string, known: Iterable<string>): string {
  let best = ''
  let least = Math.max(2, Math.floor(name.length / 4)) + 1
  for (const each of known) {
    const distance = editDistance(name.toLowerCase(), each.toLowerCase())
    if (distance >= least) continue
    least = distance
    best = each
  }
  return best === '' ? '' : ` Did you mean ${best}?`
}

/** Letters that differ, are missing or too many. */
function editDistance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (let i = 1; i <= one.length; i++) {
    const next = [i]
    for (let j = 1; j <= other.length; j++) {
      const same = one[i - 1] === other[j - 1] ? 0 : 1
      next.push(Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, (row[j - 1] as number) + same))
    }
    row = next
  }
  return row[other.length] as number
}
