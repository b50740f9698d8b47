import { mediaTypes } from '../protocol/names.js'

/** What a route answers with; a stream has none. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Null: none. */
  readonly body: string | null
}

/** An answer of JSON text that no cache keeps. */
export const jsonText = (body: string, status = 200): Answer => ({
  status,
  headers: { 'Content-Type': mediaTypes.json, 'Cache-Control': 'no-store' },
  body,
})

export const json = (body: unknown, status = 200): Answer => jsonText(JSON.stringify(body), status)

export const noContent: Answer = { status: 204, headers: {}, body: null }

export const toResponse = ({ status, headers, body }: Answer): Response => new Response(body, { status, headers })
