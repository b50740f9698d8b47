/** Why a text is not JSON, and where. */
export interface JsonFault {
  readonly message: string
  /** From 1. */
  readonly line: number
  readonly column: number
}

export type JsonRead =
  | { readonly value: unknown; readonly fault: null }
  | { readonly value: undefined; readonly fault: JsonFault }

/** Reads JSON that somebody types. An empty text is `null`. */
export function readJson(text: string): JsonRead {
  if (text.trim() === '') return { value: null, fault: null }
  try {
    return { value: JSON.parse(text) as unknown, fault: null }
  } catch (error) {
    return { value: undefined, fault: faultOf(text, (error as Error).message) }
  }
}

/** Browsers say it in words of their own: "… at position 12", "… at line 2 column 3", or nothing where the end is missing. */
function faultOf(text: string, said: string): JsonFault {
  const message = said
    .replace(/^JSON\.parse: /, '')
    .replace(/,? (\.\.\.)?".*"(\.\.\.)? is not valid JSON$/s, '')
    .replace(/ (in JSON )?at (position|line) \d+.*$/s, '')
  const [, line, column] = /line (\d+) column (\d+)/.exec(said) ?? []
  if (line !== undefined && column !== undefined) return { message, line: Number(line), column: Number(column) }
  const [, position] = /position (\d+)/.exec(said) ?? []
  const at = position === undefined ? (wrongCharacterAt(said, text) ?? text.length) : Number(position)
  const lines = text.slice(0, at).split('\n')
  return { message, line: lines.length, column: (lines.at(-1) as string).length + 1 }
}

/** Of short texts V8 names the character and not its place. Where there is only one of it, that is the place. */
function wrongCharacterAt(said: string, text: string): number | null {
  const [, character] = /^Unexpected token '(.)'/su.exec(said) ?? []
  if (character === undefined) return null
  const at = text.indexOf(character)
  return at >= 0 && at === text.lastIndexOf(character) ? at : null
}
