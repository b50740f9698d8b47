import { SignJWT } from 'jose'
import type { Clock } from '../clock.js'
import type { MakeId } from '../ids.js'
import { jobTopic } from '../protocol/topic.js'
import { hmacKey } from './hmac-key.js'
import type { JwtOptions } from './jwt.js'

/** A4: a job's token lives as long as its job, and never longer than this. */
const longestLifeMs = 24 * 3_600_000

export interface MintOptions {
  /** The key and, where the authenticator checks them, the issuer and audience to write. A function is asked at each token. */
  readonly jwt: JwtOptions | (() => Promise<JwtOptions>)
  readonly clock: Clock
  readonly makeId: MakeId
}

export interface JobToken {
  readonly token: string
  /** Unix ms. */
  readonly expiresAt: number
}

/** Makes the token that lets a page watch exactly one job of `namespace` (A4), for at most `lifeMs` (default and most: 24 h). */
export type MintJobToken = (namespace: string, jobId: string, lifeMs?: number) => Promise<JobToken>

/** The token names no user: with `sub` it would open that user's own topics too. */
export function createJobTokenMint({ jwt, clock, makeId }: MintOptions): MintJobToken {
  // At once, so that a secret that is too short stops the start.
  const ready = typeof jwt === 'function' ? null : { ...jwt, key: hmacKey(jwt.secret, 'jwt.secret') }
  const find = async (): Promise<JwtOptions & { readonly key: Uint8Array<ArrayBuffer> }> => {
    const options = typeof jwt === 'function' ? await jwt() : jwt
    return { ...options, key: hmacKey(options.secret, 'jwt.secret') }
  }
  return async (namespace, jobId, lifeMs = longestLifeMs) => {
    const { key, issuer, audience } = ready ?? (await find())
    const nowSeconds = Math.floor(clock.now() / 1000)
    const exp = nowSeconds + Math.max(1, Math.floor(Math.min(lifeMs, longestLifeMs) / 1000))
    const token = new SignJWT({ tidings: { namespace, subscribe: [jobTopic(jobId)], job: jobId } })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setJti(makeId())
      .setIssuedAt(nowSeconds)
      .setExpirationTime(exp)
    if (issuer !== undefined) token.setIssuer(issuer)
    if (audience !== undefined) token.setAudience(audience)
    return { token: await token.sign(key), expiresAt: exp * 1000 }
  }
}
