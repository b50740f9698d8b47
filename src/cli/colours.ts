import { styleText } from 'node:util'

export type Colour = 'green' | 'yellow' | 'red' | 'dim' | 'bold' | 'cyan'
export type Paint = (colour: Colour, words: string) => string

type Environment = Readonly<Record<string, string | undefined>>

/** Colours where a person looks on: a terminal, and `NO_COLOR` is not set (no-color.org). */
export const isColoured = (stream: { readonly isTTY?: boolean }, environment: Environment = process.env): boolean =>
  stream.isTTY === true && !environment.NO_COLOR && environment.TERM !== 'dumb'

export const paintFor = (stream: { readonly isTTY?: boolean }, environment: Environment = process.env): Paint =>
  isColoured(stream, environment) ? (colour, words) => styleText(colour, words) : (_, words) => words
