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

export interface JobTokenOptions {
  /** Default and most: 24 h. */
  readonly lifeMs?: number | undefined
  /** `jti` of the token that this one takes the place of. */
  readonly tokenId?: string | undefined
}

/**
 * Makes tokens (A2, A4), never wider or longer-lived than what they are made from. One made from a token keeps its `jti`:
 * whoever stole that one and made others of it is rid of them all when it is revoked (A5).
 */
export interface Mint {
  /** Lets a page watch exactly one job of `namespace`, for 24 h at most. */
  forJob(namespace: string, jobId: string, options?: JobTokenOptions): Promise<MintedToken>
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
    { endMs = Number.POSITIVE_INFINITY, tokenId = makeId() }: From = {},
  ): Promise<MintedToken> => {
    const { key, issuer, audience } = ready ?? (await find())
    const nowSeconds = Math.floor(clock.now() / 1000)
    const exp = Math.min(nowSeconds + Math.max(1, Math.floor(lifeMs / 1000)), Math.floor(endMs / 1000))
    const token = new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setJti(tokenId)
      .setIssuedAt(nowSeconds)
      .setExpirationTime(exp)
    if (issuer !== undefined) token.setIssuer(issuer)
    if (audience !== undefined) token.setAudience(audience)
    return { token: await token.sign(key), expiresAt: exp * 1000 }
  }

  return {
    // It names no user: with `sub` it would end with that user's tokens (A5), and say who owns the job.
    forJob: (namespace, jobId, { lifeMs = longestJobLifeMs, tokenId } = {}) =>
      mint({ tidings: { namespace, scope: [jobTopic(jobId)], job: jobId } }, Math.min(lifeMs, longestJobLifeMs), {
        tokenId,
      }),
    forSession(principal) {
      const { namespace, roles, subscribe, publish, admin } = principal
      const tidings = { namespace, roles, subscribe, publish, admin }
      return mint({ ...personOf(principal), tidings }, sessionLifeMs, fromOf(principal))
    },
    forOperator: () =>
      mint({ sub: 'operator', tidings: { subscribe: ['*'], publish: ['*'], admin: true } }, operatorLifeMs),
    forUrl: (principal, topics) =>
      mint(
        { ...personOf(principal), tidings: { namespace: principal.namespace, scope: topics } },
        urlTokenLifeMs,
        fromOf(principal),
      ),
  }
}

/** What a token is made from bounds it. */
interface From {
  /** Unix ms. */
  readonly endMs?: number | undefined
  readonly tokenId?: string | undefined
}

const fromOf = ({ expiresAt, tokenId }: Principal): From => ({ endMs: expiresAt, tokenId })

const personOf = ({ userId, sessionId }: Principal) => ({
  ...(userId !== undefined && { sub: userId }),
  ...(sessionId !== undefined && { sid: sessionId }),
})
