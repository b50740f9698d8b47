import { createHash } from 'node:crypto'
import { type JWTPayload, jwtVerify } from 'jose'
import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.js'
import { TidingsError } from '../errors.js'
import { type Authenticator, bearerToken, unauthorized } from './authenticator.js'
import { hmacKey } from './hmac-key.js'
import { type Principal, checkPrincipal } from './principal.js'

export interface JwtOptions {
  /** The HS256 secret, at least 32 bytes of UTF-8. */
  readonly secret: string
  /** When set, `iss` must be this. */
  readonly issuer?: string | undefined
  /** When set, `aud` must be or contain this. */
  readonly audience?: string | undefined
}

/** Tokens whose signature is not checked again; the least used go first. */
const rememberedTokens = 10_000
/** Far above any token with sensible grants, far below Node's 16 KiB of headers. */
const longestToken = 8 * 1024
/** Three base64url segments and nothing else: `atob`, which jose uses, would skip white space. */
const compactForm = /^[\w-]+\.[\w-]+\.[\w-]+$/
/** How far ahead the issuer's clock may run. It widens `nbf` and `iat` only: a token never outlives its `exp`. */
const toleranceSeconds = 5

/**
 * Bearer tokens signed with HS256 (A2): `exp` required, `iss` and `aud` checked where set; claims `sub`, `sid` and
 * `tidings: { namespace, roles, subscribe, publish, admin }`. Whatever is wrong with a token, the answer is the same
 * words, so that nobody learns from them which part of a forgery was right; the cause is kept for the log.
 */
export function jwtAuthenticator(sources: readonly JwtOptions[], clock: Clock): Authenticator {
  const keys = sources.map((source, index) => ({
    ...source,
    key: hmacKey(source.secret, index === 0 ? 'jwt.secret' : 'mintSecret'),
  }))
  // Verifying takes a turn of the thread pool, which is most of a connect; a page comes back with the same token for an
  // hour. By digest, so that no token lies about in memory, and never beyond its `exp`.
  const verified = new LRUCache<string, Principal>({ max: rememberedTokens })
  return async (request) => {
    const token = bearerToken(request)
    if (token === null) return null
    if (token.length > longestToken || !compactForm.test(token)) throw badToken()
    const digest = createHash('sha256').update(token).digest('base64url')
    const known = verified.get(digest)
    if (known && (known.expiresAt as number) > clock.now()) return known
    let reason: unknown
    for (const { key, issuer, audience } of keys) {
      try {
        const { payload, protectedHeader } = await jwtVerify(token, key, {
          algorithms: ['HS256'],
          currentDate: new Date(clock.now()),
          clockTolerance: toleranceSeconds,
          requiredClaims: ['exp'],
          ...(issuer !== undefined && { issuer }),
          ...(audience !== undefined && { audience }),
        })
        checkHeader(protectedHeader)
        const principal = checkClaims(payload, clock.now())
        verified.set(digest, principal)
        return principal
      } catch (cause) {
        reason = cause
      }
    }
    throw badToken(reason)
  }
}

function badToken(cause?: unknown): TidingsError {
  return new TidingsError('unauthorized', 'The Bearer token is not valid here: get a new one and try again.', {
    field: 'Authorization',
    cause,
  })
}

/** An ID token tells its client who signed in; it is no permission to act here, so only plain and access tokens pass. */
const accessTypes = new Set(['jwt', 'at+jwt', 'application/at+jwt'])

function checkHeader(header: Record<string, unknown>): void {
  const { typ } = header
  if (typ !== undefined && !(typeof typ === 'string' && accessTypes.has(typ.toLowerCase()))) throw unauthorized('typ')
  if ('crit' in header || 'b64' in header) throw unauthorized('crit')
}

function checkClaims(payload: JWTPayload, nowMs: number): Principal {
  const { exp, iat } = payload
  // JSON can say 1e400, which is Infinity, and jose lets that pass as a time that never comes.
  if (typeof exp !== 'number' || !Number.isSafeInteger(Math.trunc(exp * 1000))) throw unauthorized('exp')
  if (exp * 1000 <= nowMs) throw unauthorized('exp')
  if (iat !== undefined && !(iat * 1000 <= nowMs + toleranceSeconds * 1000)) throw unauthorized('iat')
  const { tidings = {} } = payload
  if (typeof tidings !== 'object' || tidings === null || Array.isArray(tidings)) throw unauthorized('tidings')
  const { namespace, roles, subscribe, publish, admin, job } = tidings as Record<string, unknown>
  const principal = checkPrincipal(
    {
      userId: payload.sub,
      sessionId: payload.sid,
      namespace,
      roles,
      subscribe,
      publish,
      admin,
      expiresAt: Math.trunc(exp * 1000),
    },
    'jwt',
  )
  return job === undefined ? principal : { ...principal, isJobToken: true }
}
