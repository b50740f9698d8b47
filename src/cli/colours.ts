import { styleText } from 'node:util'

export type Colour = 'green' | 'yellow' | 'red' | 'dim' | 'bold' | 'cyan'
export type Paint = (colour: Colour, words: string) => string

/** Colours where a person looks on: a terminal, and `NO_COLOR` is not set (no-color.org). */
export const paintFor = (
  stream: { readonly isTTY?: boolean },
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Paint => {
  const coloured = stream.isTTY === true && !environment.NO_COLOR && environment.TERM !== 'dumb'
  return coloured ? (colour, words) => styleText(colour, words) : (_, words) => words
}
