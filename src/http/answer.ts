import { mediaTypes } from '../protocol/names.js'
import { chooseEncoding, encodedHeaders, isCompressible } from './encoding.js'

/** What a route answers with; a stream has none. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Null: none. */
  readonly body: string | null
  /** The same text for everybody, so that it is compressed once. */
  readonly constant?: true
}

const ofJson = { 'Content-Type': mediaTypes.json, 'Cache-Control': 'no-store' } as const

/** An answer of JSON text that no cache keeps. */
export const jsonText = (body: string, status = 200): Answer => ({ status, headers: ofJson, body })

export const json = (body: unknown, status = 200): Answer => jsonText(JSON.stringify(body), status)

export const noContent: Answer = { status: 204, headers: {}, body: null }

/** Compressed where that is worth it, and taken, and where the runtime can. */
export function toResponse(answer: Answer, acceptEncoding: string | null): Response {
  const { status, headers, body } = answer
  if (!isCompressible(answer)) return new Response(body, { status, headers })
  const encoding = typeof CompressionStream === 'undefined' ? null : chooseEncoding(acceptEncoding, ['gzip'])
  const init = { status, headers: encodedHeaders(headers, encoding) }
  if (!encoding) return new Response(body, init)
  return new Response(new Blob([body as string]).stream().pipeThrough(new CompressionStream('gzip')), init)
}
