import { type Clock, systemClock } from '../clock.js'
import { TidingsError } from '../errors.js'
import { type Authenticator, bearerToken, unauthorized } from './authenticator.js'
import { developmentAuthenticator } from './development.js'
import type { Incoming } from './incoming.js'
import { jwtAuthenticator } from './jwt.js'
import { type JwtOptions, type JwtSource, jwtSource } from './jwt-sources.js'
import { type Principal, anonymousPrincipal } from './principal.js'
import { type ReadSession, sessionAuthenticator } from './session.js'
import { sessionCookies } from './session-cookies.js'

/** Who asks. Throws `unauthorized` for a bad credential, and for none at all. */
export type Authenticate = (request: Incoming) => Promise<Principal>

/** A key that is asked for when it is needed, because its store may be away. */
export type KeySource = () => Promise<string>

export interface AuthenticateOptions {
  /** The application's own sessions. Asked first. */
  readonly authenticate?: ReadSession | undefined
  /** Names of the cookies that carry them; a trailing `*` stands for any end. Default none. */
  readonly sessionCookies?: readonly string[] | undefined
  /** Bearer tokens, of one source or several. */
  readonly jwt?: JwtOptions | readonly JwtOptions[] | undefined
  /** Short tokens in `?token=` too. Default false. */
  readonly urlTokens?: boolean | undefined
  /** Patterns of topics that whoever carries no credential may read. Default: nobody without one is let in. */
  readonly anonymous?: readonly string[] | undefined
  /** The longest that a token may live. Default: any time. */
  readonly longestTokenMs?: number | undefined
  /** The hub's own key, with which it mints job tokens where `jwt` is absent; its tokens are taken as Bearer tokens too. */
  readonly mintSecret?: string | KeySource | undefined
  /** The development user. Default false. */
  readonly development?: boolean | undefined
  /** Whether the listener is bound to loopback; the development user is refused elsewhere. Default false. */
  readonly loopback?: boolean | undefined
  /** `NODE_ENV`. Default: that of the process, where there is one. */
  readonly environment?: string | undefined
  readonly clock?: Clock | undefined
}

/**
 * Tries session, Bearer token and development user in this order (A1): the first that knows a credential decides.
 * Throws `option_invalid` when none is set: a hub that cannot know anybody must not start.
 */
export function createAuthenticate(options: AuthenticateOptions): Authenticate {
  const { authenticate, jwt, urlTokens = false, mintSecret, development = false, loopback = false } = options
  const { clock = systemClock, longestTokenMs } = options
  const nobody = options.anonymous && anonymousPrincipal(options.anonymous)
  const environment = options.environment ?? globalThis.process?.env?.NODE_ENV
  if (!authenticate && !jwt && !development) {
    throw new TidingsError(
      'option_invalid',
      'A hub needs to know who asks: set "authenticate" (a function that reads a session), "jwt" ({ secret }) or "development".',
      { field: 'authenticate' },
    )
  }
  const cookies = sessionCookies(options.sessionCookies ?? [])
  if (authenticate && nobody && options.sessionCookies === undefined) {
    throw new TidingsError(
      'option_invalid',
      '"anonymous" beside "authenticate" needs "sessionCookies", so that a session that has gone bad is not taken for none: the names of the cookies that carry one, or [] where your function itself throws "unauthorized".',
      { field: 'sessionCookies' },
    )
  }
  const authenticators: Authenticator[] = []
  if (authenticate) authenticators.push(sessionAuthenticator(authenticate, clock, cookies))
  authenticators.push(bearerAuthenticator(sourcesOf(jwt), mintSecret, { clock, urlTokens, longestTokenMs }))
  if (development) authenticators.push(developmentAuthenticator({ loopback, environment }))
  return async (request) => {
    for (const authenticator of authenticators) {
      const principal = await authenticator(request)
      if (principal) return principal
    }
    // One that this hub does not take is there all the same (A1).
    if (nobody && !request.query.has('token')) return nobody
    throw unauthorized('Sign in first: this request carries no credential.')
  }
}

function sourcesOf(jwt: AuthenticateOptions['jwt']): readonly JwtSource[] {
  if (jwt === undefined) return []
  if (Array.isArray(jwt) && jwt.length === 0)
    throw new TidingsError('option_invalid', '"jwt" must name at least one source.', { field: 'jwt' })
  if (!Array.isArray(jwt)) return [jwtSource(jwt as JwtOptions, 'jwt')]
  return (jwt as readonly JwtOptions[]).map((one, index) => jwtSource(one, `jwt[${index}]`))
}

function bearerAuthenticator(
  given: readonly JwtSource[],
  mintSecret: string | KeySource | undefined,
  rest: { readonly clock: Clock; readonly urlTokens: boolean; readonly longestTokenMs: number | undefined },
): Authenticator {
  const own = (secret: string): JwtSource => jwtSource({ secret }, 'mintSecret')
  if (typeof mintSecret === 'function') {
    let made: Authenticator | null = null
    return async (request) => {
      if (bearerToken(request) === null && !(rest.urlTokens && request.query.has('token'))) return null
      made ??= jwtAuthenticator({ ...rest, sources: [...given, own(await mintSecret())] })
      return await made(request)
    }
  }
  const sources = mintSecret === undefined ? given : [...given, own(mintSecret)]
  return sources.length > 0 ? jwtAuthenticator({ ...rest, sources }) : refuseBearer
}

/** A token that nobody here can check is a bad credential, not an absent one. */
const refuseBearer: Authenticator = async (request) => {
  if (bearerToken(request) === null) return null
  throw unauthorized('Bearer tokens are not taken here: the hub has no "jwt" option.', 'Authorization')
}
