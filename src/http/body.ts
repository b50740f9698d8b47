import type { Incoming } from '../auth/incoming.js'
import { TidingsError } from '../errors.js'
import { mediaTypes } from '../protocol/names.js'

/**
 * Reads a JSON body of at most `limit` bytes. Throws `content_type_invalid`, `body_too_large` or `body_invalid`. The media
 * type is asked for because a form or an image of another site can post anything else with the reader's cookies.
 */
export async function readJson(request: Incoming, limit: number): Promise<unknown> {
  const type = request.header('Content-Type')?.split(';', 1)[0]?.trim().toLowerCase()
  if (type !== mediaTypes.json) {
    throw new TidingsError('content_type_invalid', 'Send the body as "Content-Type: application/json".', {
      field: 'Content-Type',
    })
  }
  const tooLarge = (): TidingsError =>
    new TidingsError('body_too_large', `The body is over ${limit} bytes. Send it in smaller parts.`, { field: 'body' })
  if (Number(request.header('Content-Length') ?? 0) > limit) throw tooLarge()
  const parts: Uint8Array[] = []
  let size = 0
  if (request.body) {
    try {
      for await (const part of request.body) {
        size += part.length
        if (size > limit) break
        parts.push(part)
      }
    } catch (cause) {
      throw new TidingsError('body_invalid', 'The body broke off.', { field: 'body', cause })
    }
    if (size > limit) throw tooLarge()
  }
  try {
    const decoder = new TextDecoder('utf-8', { fatal: true })
    let text = ''
    for (const part of parts) text += decoder.decode(part, { stream: true })
    return JSON.parse(text + decoder.decode())
  } catch (cause) {
    throw new TidingsError('body_invalid', 'The body is not JSON in UTF-8.', { field: 'body', cause })
  }
}

/** The same where a body may be left out: an empty one is `{}`. Always an object. */
export async function readObject(request: Incoming, limit: number, optional = false): Promise<Record<string, unknown>> {
  if (optional && !request.body) return {}
  if (optional && request.header('Content-Length') === '0') return {}
  const value = await readJson(request, limit)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TidingsError('body_invalid', 'The body must be a JSON object.', { field: 'body' })
  }
  return value as Record<string, unknown>
}
