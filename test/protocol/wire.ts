import fc from 'fast-check'
import { createSseDecoder, type SseMessage } from '#src/protocol/sse-decode.js'

/** Strings that have broken event streams: line ends of every alphabet, NUL, the byte order mark, halves of pairs. */
export const awkward = [
  '',
  '\r',
  '\n',
  '\r\n',
  '\n\n',
  '\r\r',
  '\0',
  '\u2028',
  '\u2029',
  '\u0085',
  '\u000b\u000c',
  '\ufeff',
  '\ufeff\ufeffdata: x',
  ' ',
  '  two spaces',
  ':',
  ': comment',
  'data: injected',
  '\ndata: injected',
  '\r\rid: 9\revent: evil\rdata: x\r\r',
  '\n\nevent: evil\ndata: x\n\n',
  'retry: 1',
  '👩‍👩‍👧‍👦 🏳️‍🌈',
  '\ud800',
  '\udc00\ud800',
  'a\ud83d',
  '"\\u0000"',
  '\u202e\u200b\u00ad',
] as const

const piece = fc.oneof(fc.constantFrom(...awkward), fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }))

/** Any string, made mostly of what breaks things. */
export const anyText = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(''))

/** A string that may stand on one line: in `event:` and `id:`. */
export const oneLine = anyText.map((text) => text.replace(/[\r\n\0]/g, ''))

/** What UTF-8 makes of a string: halves of surrogate pairs have no bytes of their own. */
export const asUtf8 = (text: string): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes(text))

/** What the lines of a stream make of a string: each line end is an LF. */
export const asLines = (text: string): string => asUtf8(text).replace(/\r\n|\r/g, '\n')

export interface Heard {
  readonly messages: SseMessage[]
  readonly retries: number[]
  readonly ids: string[]
}

/** What our decoder hears in these parts. */
export function decode(parts: Iterable<Uint8Array>, lastEventId = ''): Heard {
  const heard: Heard = { messages: [], retries: [], ids: [] }
  const decoder = createSseDecoder(
    {
      onMessage: (message) => heard.messages.push(message),
      onRetry: (retryMs) => heard.retries.push(retryMs),
      onId: (id) => heard.ids.push(id),
    },
    lastEventId,
  )
  for (const part of parts) decoder.push(part)
  return heard
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

export const byteByByte = (whole: Uint8Array): Uint8Array[] => Array.from(whole, (_, at) => whole.slice(at, at + 1))

/** `whole` in parts, cut at the places that `cuts` (fractions of its length) name. Parts may be empty. */
export function cutAt(whole: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [0, ...cuts.map((cut) => Math.floor(cut * (whole.length + 1))).sort((a, b) => a - b), whole.length]
  return places.slice(1).map((end, index) => whole.slice(places[index], end))
}

export const cuts = fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { maxLength: 12 })
