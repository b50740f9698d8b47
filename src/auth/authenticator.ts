import { TidingsError } from '../errors.js'
import type { Incoming } from './incoming.js'
import type { Principal } from './principal.js'

/**
 * One way of knowing who asks. Resolves to null when the request carries no credential of its kind; throws
 * `unauthorized` when it carries a bad one (A1: never silently anonymous).
 */
export type Authenticator = (request: Incoming) => Promise<Principal | null>

export function unauthorized(message: string, field?: string): TidingsError {
  return new TidingsError('unauthorized', message, { field })
}

/** A tab is not what RFC 7235 has there, and yet it is a credential: it must not pass for none. */
const bearer = /^Bearer(?:[ \t]+(.*))?$/i

/** The Bearer token of a request, `''` for an empty one, null where there is none. Other schemes are not ours. */
export function bearerToken(request: Incoming): string | null {
  const found = bearer.exec(request.header('Authorization') ?? '')
  return found ? (found[1] ?? '') : null
}
