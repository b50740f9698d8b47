import { TidingsError } from '../errors.js'
import { type Authenticator, unauthorized } from './authenticator.js'
import { checkPrincipal } from './principal.js'

export interface DevelopmentOptions {
  /** Whether the listener is bound to a loopback address. Only the caller can know. */
  readonly loopback: boolean
  /** `NODE_ENV` of the process. */
  readonly environment?: string | undefined
}

/** What a browser on this machine may call it. A page of another site can make its own name resolve here, but not one of these. */
const loopbackHost = /^(localhost|[\w-]+\.localhost|127(\.\d{1,3}){3}|\[::1\])$/

/**
 * The development user (A1): whoever the query says, `?userId=7&roles=ADMIN,EDITOR`, without proof. May publish to
 * anything and so create jobs; is no admin. Refused where `NODE_ENV` is `production`, on a listener that is not
 * loopback, and for a `Host` that is no loopback name, which is what a rebound DNS name looks like (T5).
 */
export function developmentAuthenticator({ loopback, environment }: DevelopmentOptions): Authenticator {
  if (environment === 'production') throw refused('with NODE_ENV=production')
  if (!loopback) throw refused('on an address other than loopback')
  return async (request) => {
    const { address, query } = request
    const userId = query.get('userId')
    if (userId === null) return null
    if (!loopbackHost.test(address.hostname)) {
      throw unauthorized(
        'The development user is known by a loopback name only: call the hub as localhost or 127.0.0.1.',
        'Host',
      )
    }
    const roles = query
      .getAll('roles')
      .flatMap((names) => names.split(','))
      .filter((role) => role !== '')
    try {
      return checkPrincipal({ userId, roles, publish: ['*'] }, 'development')
    } catch (cause) {
      const { message, field } = cause as TidingsError
      throw unauthorized(`The development user is not usable: ${message}`, field)
    }
  }
}

function refused(where: string): TidingsError {
  return new TidingsError('option_invalid', `"development" signs in anybody as anybody and is refused ${where}.`, {
    field: 'development',
  })
}

/** Throws `option_invalid` where a hub with a development user was reached at an address that is not loopback. */
export function refuseBeyondLoopback(address: string | undefined): void {
  const local = address === undefined || /^(::ffff:)?127\./.test(address) || address === '::1'
  if (!local) throw refused('on an address other than loopback')
}
