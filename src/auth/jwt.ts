import { hash } from 'node:crypto'
import { type JWTPayload, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.js'
import { TidingsError } from '../errors.js'
import { checkId, checkTopic } from '../protocol/topic.js'
import { type Authenticator, bearerToken, unauthorized } from './authenticator.js'
import type { Incoming } from './incoming.js'
import type { JwtSource } from './jwt-sources.js'
import { type Principal, checkPrincipal } from './principal.js'

export interface JwtAuthenticatorOptions {
  readonly sources: readonly JwtSource[]
  readonly clock: Clock
  /** Take a token that lives no longer than five minutes from `?token=` too, for native EventSource. Default false. */
  readonly urlTokens?: boolean | undefined
  /** A token that lives longer is refused: revocations are kept for so long. Default: any time. */
  readonly longestTokenMs?: number | undefined
}

/** Tokens whose signature is not checked again; the least used go first. */
const rememberedTokens = 10_000
/** Far above any token with sensible grants, far below Node's 16 KiB of headers. */
const longestToken = 8 * 1024
/** Three base64url segments and nothing else: `atob`, which jose uses, would skip white space. */
const compactForm = /^[\w-]+\.[\w-]+\.[\w-]+$/
/** How far ahead the issuer's clock may run. It widens `nbf` and `iat` only: a token never outlives its `exp`. */
const toleranceSeconds = 5
/** What stands in a URL ends up in logs: it must be of no use soon. */
export const urlTokenLifeMs = 5 * 60_000

/**
 * Bearer tokens (A2): `exp` required, `iss` and `aud` checked where set; claims `sub`, `sid`, `jti` and
 * `tidings: { namespace, roles, subscribe, publish, admin, scope }`. Whatever is wrong with a token, the answer is the same
 * words, so that nobody learns from them which part of a forgery was right; the cause is kept for the log. Rejects with
 * `identity_unavailable` where the keys of a provider cannot be had: that is no reason to sign anybody out.
 */
export function jwtAuthenticator({
  sources,
  clock,
  urlTokens = false,
  longestTokenMs = Number.POSITIVE_INFINITY,
}: JwtAuthenticatorOptions): Authenticator {
  // Verifying takes a turn of the thread pool, which is most of a connect; a page comes back with the same token for an
  // hour. By digest, so that no token lies about in memory, and never beyond its `exp`.
  const verified = new LRUCache<string, Principal>({ max: rememberedTokens })

  const principalOf = (token: string): Principal | Promise<Principal> => {
    if (token.length > longestToken) throw badToken()
    const digest = hash('sha256', token, 'base64url')
    const known = verified.get(digest)
    return known && (known.expiresAt as number) > clock.now() ? known : verify(token, digest)
  }

  const verify = async (token: string, digest: string): Promise<Principal> => {
    if (!compactForm.test(token)) throw badToken()
    let reason: unknown
    for (const { key, algorithms, issuer, audience } of sourcesFor(token, sources)) {
      try {
        const { payload, protectedHeader } = await jwtVerify(token, key as Uint8Array, {
          algorithms: [...algorithms],
          currentDate: new Date(clock.now()),
          clockTolerance: toleranceSeconds,
          requiredClaims: ['exp'],
          ...(issuer !== undefined && { issuer }),
          ...(audience !== undefined && { audience }),
        })
        checkHeader(protectedHeader)
        const principal = checkClaims(payload, clock.now())
        const { expiresAt = 0, issuedAt = clock.now() } = principal
        if (expiresAt - issuedAt > longestTokenMs) throw unauthorized('it lives longer than "longestTokenMs"')
        verified.set(digest, principal)
        return principal
      } catch (cause) {
        if (cause instanceof TidingsError && cause.code === 'identity_unavailable') throw cause
        reason = cause
      }
    }
    throw badToken(reason)
  }

  return async (request) => {
    const bearer = bearerToken(request)
    if (bearer !== null) return await principalOf(bearer)
    const token = urlTokens ? tokenInUrl(request) : null
    if (token === null) return null
    const principal = await principalOf(token)
    const { expiresAt = 0, issuedAt } = principal
    if (issuedAt === undefined || expiresAt - issuedAt > urlTokenLifeMs) throw badToken('it lives too long for a URL')
    return principal
  }
}

/** Only reading takes a token from the URL: an address can be put into any page. */
function tokenInUrl({ method, query }: Incoming): string | null {
  return method === 'GET' || method === 'HEAD' ? query.get('token') : null
}

/** A token that says it is of one issuer is no business of another, whose keys may be far away and under the same id. */
function sourcesFor(token: string, sources: readonly JwtSource[]): readonly JwtSource[] {
  try {
    const { alg } = decodeProtectedHeader(token)
    const { iss } = decodeJwt(token)
    return sources.filter(
      ({ algorithms, issuer }) => algorithms.includes(alg as string) && (issuer === undefined || issuer === iss),
    )
  } catch (cause) {
    throw badToken(cause)
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
  const { exp, iat, jti } = payload
  // JSON can say 1e400, which is Infinity, and jose lets that pass as a time that never comes.
  if (typeof exp !== 'number' || !Number.isSafeInteger(Math.trunc(exp * 1000))) throw unauthorized('exp')
  if (exp * 1000 <= nowMs) throw unauthorized('exp')
  if (iat !== undefined && !(iat * 1000 <= nowMs + toleranceSeconds * 1000)) throw unauthorized('iat')
  if (jti !== undefined && !(typeof jti === 'string' && jti.length <= 256)) throw unauthorized('jti')
  const { tidings = {} } = payload
  if (typeof tidings !== 'object' || tidings === null || Array.isArray(tidings)) throw unauthorized('tidings')
  const { namespace, roles, subscribe, publish, admin, scope, job } = tidings as Record<string, unknown>
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
  return {
    ...principal,
    ...(jti !== undefined && { tokenId: jti }),
    ...(iat !== undefined && { issuedAt: iat * 1000 }),
    ...(scope !== undefined && { scope: checkScope(scope) }),
    ...(scope !== undefined && job !== undefined && { jobId: checkId(job, 'tidings.job') }),
  }
}

function checkScope(scope: unknown): readonly string[] {
  if (!Array.isArray(scope) || scope.length === 0) throw unauthorized('scope')
  return scope.map((topic, index) => checkTopic(topic, `tidings.scope[${index}]`))
}
