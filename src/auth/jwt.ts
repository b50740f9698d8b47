import { jwtVerify } from 'jose'
import type { Clock } from '../clock.js'
import { TidingsError } from '../errors.js'
import { type Session, principalOf } from './claims.js'
import type { Principal } from './principal.js'

export interface JwtOptions {
  /** HS256 key of at least 32 bytes of UTF-8. */
  readonly secret: string
  /** Checked where set. */
  readonly issuer?: string
  readonly audience?: string
}

/** A key whose tokens are taken, and what they must say of themselves. */
export interface Signer {
  readonly key: Uint8Array
  readonly issuer?: string | undefined
  readonly audience?: string | undefined
}

const clockToleranceSeconds = 5
const maxTokenLength = 8_192

/** Throws `option_invalid` on a secret that is too short to be one. */
export function secretKey(secret: unknown): Uint8Array {
  const key = typeof secret === 'string' ? new TextEncoder().encode(secret) : new Uint8Array()
  if (key.length < 32) {
    throw new TidingsError('option_invalid', 'Option "jwt.secret" must be a string of at least 32 bytes. Make one with: openssl rand -base64 32', {
      field: 'jwt.secret',
    })
  }
  return key
}

/** Every bad token gets this one answer, which tells nothing about what is wrong with it (A2). */
export const badToken = (cause?: unknown): TidingsError =>
  new TidingsError('unauthorized', 'The token is not valid. Get a new one and try again.', { cause })

/**
 * Reads an HS256 token (RFC 7519): the algorithm is pinned, `exp` is required, claims are those of A2. Times are judged by
 * `clock` with 5 s of tolerance. Throws `unauthorized`.
 */
export async function verifyToken(token: string, signers: readonly Signer[], clock: Clock): Promise<Principal> {
  if (token.length > maxTokenLength) throw badToken()
  let failure: unknown
  for (const { key, issuer, audience } of signers) {
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms: ['HS256'],
        requiredClaims: ['exp'],
        clockTolerance: clockToleranceSeconds,
        currentDate: new Date(clock.now()),
        ...(issuer !== undefined && { issuer }),
        ...(audience !== undefined && { audience }),
      })
      if (payload.iat !== undefined && payload.iat > clock.now() / 1000 + clockToleranceSeconds) throw badToken()
      const own = (payload.tidings ?? {}) as Session
      if (typeof own !== 'object' || own === null) throw badToken()
      return principalOf(
        {
          userId: payload.sub,
          sessionId: payload.sid as string | undefined,
          namespace: own.namespace,
          roles: own.roles,
          subscribe: own.subscribe,
          publish: own.publish,
          admin: own.admin,
          expiresAt: (payload.exp as number) * 1000,
        },
        'jwt',
      )
    } catch (error) {
      failure = error
    }
  }
  throw badToken(failure)
}
