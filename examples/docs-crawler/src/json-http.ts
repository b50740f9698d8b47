import type { IncomingMessage, ServerResponse } from 'node:http'

/** A refusal that is told as a problem document (RFC 9457) with a stable code and the field at fault. */
export class Problem extends Error {
  readonly status: number
  readonly code: string
  readonly field: string | undefined

  constructor(status: number, code: string, message: string, field?: string) {
    super(message)
    this.status = status
    this.code = code
    this.field = field
  }
}

export const notFound = (): Problem => new Problem(404, 'not_found', 'There is no such thing, or it is not yours.')

/** Reads a JSON object. The content type is required: a form on another site cannot send it, so this is also the guard against those. */
export async function readObject(request: IncomingMessage, maxBytes = 16 * 1024): Promise<Record<string, unknown>> {
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? '')) {
    throw new Problem(415, 'content_type_invalid', 'The body must be JSON, with "Content-Type: application/json".')
  }
  const parts: Buffer[] = []
  let length = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length
    if (length > maxBytes) throw new Problem(413, 'body_too_large', `The body is over ${maxBytes} bytes.`)
    parts.push(part)
  }
  try {
    const value: unknown = JSON.parse(Buffer.concat(parts).toString())
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch {
    // Told below, like any other body that is no object.
  }
  throw new Problem(400, 'body_invalid', 'The body is not a JSON object.')
}

export function sendJson(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Cache-Control': 'no-store',
    ...headers,
  })
  response.end(JSON.stringify(value))
}

export function sendProblem(response: ServerResponse, error: unknown): void {
  if (response.headersSent) return void response.destroy()
  if (!(error instanceof Problem)) console.error('docs-crawler:', error)
  const { status, code, message, field } =
    error instanceof Problem ? error : new Problem(500, 'internal', 'Something went wrong here.')
  response.writeHead(status, {
    'Content-Type': 'application/problem+json',
    'Cache-Control': 'no-store',
    Connection: 'close',
  })
  response.end(JSON.stringify({ status, code, detail: message, ...(field && { field }) }))
}
