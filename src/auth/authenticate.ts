import type { Clock } from '../clock.js'
import { TidingsError } from '../errors.js'
import { type Session, principalOf } from './claims.js'
import { developmentUser, refuseBeyondLoopback, refuseInProduction } from './development.js'
import { type JwtOptions, type Signer, badToken, secretKey, verifyToken } from './jwt.js'
import type { Principal } from './principal.js'

/** The ways to sign in, tried in this order (A1). A hub needs at least one. */
export interface AuthenticationOptions {
  /** Who sent this request, by your own session: cookies, Auth.js, anything. Null: nobody it knows. */
  readonly authenticate?: ((request: Request) => Session | null | undefined | Promise<Session | null | undefined>) | undefined
  /** `Authorization: Bearer` with an HS256 token. */
  readonly jwt?: JwtOptions | undefined
  /** The user named in the query, for development on this machine only. */
  readonly development?: boolean | undefined
}

export interface Authentication {
  /** Throws `unauthorized` where nobody is recognised, and for a credential that is present and bad. */
  authenticate(request: Request, hubKey: Uint8Array): Promise<Principal>
  /** Throws where a way to sign in does not go with being reached at this address. */
  checkListener(address: string | undefined): void
}

export function createAuthentication(options: AuthenticationOptions, clock: Clock, environment = process.env.NODE_ENV): Authentication {
  const { authenticate: session, jwt, development = false } = options
  if (!session && !jwt && !development) {
    throw new TidingsError('option_invalid', 'A hub needs a way to sign in: give "authenticate", "jwt" or, while developing, "development: true".', {
      field: 'authenticate',
    })
  }
  if (session !== undefined && typeof session !== 'function') {
    throw new TidingsError('option_invalid', 'Option "authenticate" must be a function of the request.', { field: 'authenticate' })
  }
  const configured: Signer[] = jwt ? [{ key: secretKey(jwt.secret), issuer: jwt.issuer, audience: jwt.audience }] : []
  if (development) refuseInProduction(environment)

  return {
    async authenticate(request, hubKey) {
      const found = await session?.(request)
      if (found) return principalOf(found, 'session')
      const bearer = bearerOf(request)
      // Tokens that the hub minted itself are good on any hub, those of others only where a key was given.
      if (bearer !== null) return verifyToken(bearer, [...configured, { key: hubKey }], clock)
      const developer = development ? developmentUser(request) : null
      if (developer) return developer
      throw new TidingsError('unauthorized', development ? 'Say who you are: add ?userId=<id> to the address.' : 'Sign in first.')
    },
    checkListener(address) {
      if (development) refuseBeyondLoopback(address)
    },
  }
}

function bearerOf(request: Request): string | null {
  const header = request.headers.get('Authorization')
  if (header === null) return null
  const parts = /^Bearer +([A-Za-z0-9._~+/=-]+)$/i.exec(header)
  if (!parts?.[1]) throw badToken()
  return parts[1]
}
