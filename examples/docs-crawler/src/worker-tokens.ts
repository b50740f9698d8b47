import { randomBytes } from 'node:crypto'
import { SignJWT } from 'jose'

const lifetimeSeconds = 3_600

/**
 * Bearer tokens (HS256) by which worker processes are known to the hub and to `/work`. The secret is new at every start: a
 * worker that outlives its killed server has nothing more to say.
 */
export class WorkerTokens {
  readonly secret = randomBytes(32).toString('base64url')
  readonly renewEveryMs = (lifetimeSeconds * 1_000) / 2

  mint(): Promise<string> {
    return new SignJWT({ tidings: { publish: ['job:*'], subscribe: ['job:*'] } })
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject('crawl-worker')
      .setIssuedAt()
      .setExpirationTime(`${lifetimeSeconds}s`)
      .sign(new TextEncoder().encode(this.secret))
  }
}
