import type { Incoming } from '../auth/incoming.js'
import type { Principal } from '../auth/principal.js'
import { TidingsError } from '../errors.js'
import { mediaTypes } from '../protocol/names.js'
import type { HttpParts } from './parts.js'

/**
 * Reads a JSON body of at most `bodyBytes`. Throws `content_type_invalid`, `body_too_large` or `body_invalid`, and
 * `unauthorized` where its sender was revoked while it came. The media type is asked for because a form or an image of
 * another site can post anything else with the reader's cookies.
 */
export async function readJson(parts: HttpParts, request: Incoming, sender: Principal): Promise<unknown> {
  checkType(request)
  return parse(await readBytes(parts, request, sender))
}

/** The same where a body may be left out: an empty one is `{}`. Always an object. */
export async function readObject(
  parts: HttpParts,
  request: Incoming,
  sender: Principal,
  optional = false,
): Promise<Record<string, unknown>> {
  if (!optional) checkType(request)
  const body = await readBytes(parts, request, sender)
  if (optional && body.length === 0) return {}
  checkType(request)
  const value = parse(body)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TidingsError('body_invalid', 'The body must be a JSON object.', { field: 'body' })
  }
  return value as Record<string, unknown>
}

function checkType(request: Incoming): void {
  const type = request.header('Content-Type')?.split(';', 1)[0]?.trim().toLowerCase()
  if (type === mediaTypes.json) return
  throw new TidingsError('content_type_invalid', 'Send the body as "Content-Type: application/json".', {
    field: 'Content-Type',
  })
}

async function readBytes(parts: HttpParts, request: Incoming, sender: Principal): Promise<Uint8Array> {
  const limit = parts.core.settings.bodyBytes
  const declared = Number(request.header('Content-Length') ?? 0)
  const body =
    declared > limit
      ? null
      : await request.read(limit).catch((cause: unknown) => {
          if (cause instanceof TidingsError) throw cause
          throw new TidingsError('body_invalid', 'The body broke off.', { field: 'body', cause })
        })
  parts.stillGood(request, sender)
  if (body) return body
  throw new TidingsError('body_too_large', `The body is over ${limit} bytes. Send it in smaller parts.`, {
    field: 'body',
  })
}

// Text is decoded whole, so the decoder keeps nothing from one body to the next.
const decoder = new TextDecoder('utf-8', { fatal: true })

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(body))
  } catch (cause) {
    throw new TidingsError('body_invalid', 'The body is not JSON in UTF-8.', { field: 'body', cause })
  }
}
