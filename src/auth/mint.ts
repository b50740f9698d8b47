import { SignJWT } from 'jose'
import type { Clock } from '../clock.js'
import type { MakeId } from '../ids.js'
import { jobTopic } from '../protocol/topic.js'
import { hmacKey } from './hmac-key.js'
import { urlTokenLifeMs } from './jwt.js'
import type { JwtSecretOptions } from './jwt-sources.js'
import type { Principal } from './principal.js'

/** A4: a job's token lives as long as its job, and never longer than this. */
const longestJobLifeMs = 24 * 3_600_000
/** A day's work with a hub on one's own machine. */
const operatorLifeMs = 12 * 3_600_000
/** A2: a token that stands for a session. */
const sessionLifeMs = 3_600_000

export interface MintOptions {
  /** The key and, where the authenticator checks them, the issuer and audience to write. A function is asked at each token. */
  readonly jwt: JwtSecretOptions | (() => Promise<JwtSecretOptions>)
  readonly clock: Clock
  readonly makeId: MakeId
}

export interface MintedToken {
  readonly token: string
  /** Unix ms. */
  readonly expiresAt: number
}

/** Makes tokens (A2, A4), never wider or longer-lived than what they are made from. */
export interface Mint {
  /** Lets a page watch exactly one job of `namespace`, for at most `lifeMs` (default and most: 24 h). */
  forJob(namespace: string, jobId: string, lifeMs?: number): Promise<MintedToken>
  /** All that `principal` may, for an hour. */
  forSession(principal: Principal): Promise<MintedToken>
  /** Everything in the default namespace, as its admin, for half a day: for whoever starts a hub on their own machine (§4). */
  forOperator(): Promise<MintedToken>
  /** Reading of these topics and nothing else, for five minutes: it ends up in logs. */
  forUrl(principal: Principal, topics: readonly string[]): Promise<MintedToken>
}

export function createMint({ jwt, clock, makeId }: MintOptions): Mint {
  // At once, so that a secret that is too short stops the start.
  const ready = typeof jwt === 'function' ? null : { ...jwt, key: hmacKey(jwt.secret, 'jwt.secret') }
  const find = async (): Promise<JwtSecretOptions & { readonly key: Uint8Array<ArrayBuffer> }> => {
    const options = typeof jwt === 'function' ? await jwt() : jwt
    return { ...options, key: hmacKey(options.secret, 'jwt.secret') }
  }

  const mint = async (
    claims: Record<string, unknown>,
    lifeMs: number,
    endMs = Number.POSITIVE_INFINITY,
  ): Promise<MintedToken> => {
    const { key, issuer, audience } = ready ?? (await find())
    const nowSeconds = Math.floor(clock.now() / 1000)
    const exp = Math.min(nowSeconds + Math.max(1, Math.floor(lifeMs / 1000)), Math.floor(endMs / 1000))
    const token = new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setJti(makeId())
      .setIssuedAt(nowSeconds)
      .setExpirationTime(exp)
    if (issuer !== undefined) token.setIssuer(issuer)
    if (audience !== undefined) token.setAudience(audience)
    return { token: await token.sign(key), expiresAt: exp * 1000 }
  }

  return {
    // It names no user: with `sub` it would end with that user's tokens (A5), and say who owns the job.
    forJob: (namespace, jobId, lifeMs = longestJobLifeMs) =>
      mint({ tidings: { namespace, scope: [jobTopic(jobId)], job: jobId } }, Math.min(lifeMs, longestJobLifeMs)),
    forSession(principal) {
      const { namespace, userId, sessionId, roles, subscribe, publish, admin, expiresAt } = principal
      const person = {
        ...(userId !== undefined && { sub: userId }),
        ...(sessionId !== undefined && { sid: sessionId }),
      }
      return mint({ ...person, tidings: { namespace, roles, subscribe, publish, admin } }, sessionLifeMs, expiresAt)
    },
    forOperator: () =>
      mint({ sub: 'operator', tidings: { subscribe: ['*'], publish: ['*'], admin: true } }, operatorLifeMs),
    forUrl({ namespace, userId, sessionId, expiresAt }, topics) {
      const person = {
        ...(userId !== undefined && { sub: userId }),
        ...(sessionId !== undefined && { sid: sessionId }),
      }
      return mint({ ...person, tidings: { namespace, scope: topics } }, urlTokenLifeMs, expiresAt)
    },
  }
}
