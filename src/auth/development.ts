import { TidingsError } from '../errors.js'
import { principalOf } from './claims.js'
import type { Principal } from './principal.js'

/**
 * The development user (A1): whoever the query says, `?userId=7&roles=ADMIN,EDITOR`. It may publish and create jobs and is
 * no admin. Null where the query names nobody.
 */
export function developmentUser(request: Request): Principal | null {
  const query = new URL(request.url).searchParams
  const userId = query.get('userId')
  if (userId === null) return null
  const roles = (query.get('roles') ?? '').split(',').filter((role) => role !== '')
  try {
    return principalOf({ userId, roles, publish: ['*'] }, 'development')
  } catch (cause) {
    throw new TidingsError('unauthorized', `The development user is malformed: ${(cause as Error).message}`, { field: 'userId', cause })
  }
}

/** Throws `option_invalid` in production: anybody would be anybody. */
export function refuseInProduction(environment: string | undefined): void {
  if (environment === 'production') {
    throw new TidingsError('option_invalid', 'Option "development" lets anybody be anybody and is refused with NODE_ENV=production.', { field: 'development' })
  }
}

/** Throws `option_invalid` where the hub listens on more than loopback. */
export function refuseBeyondLoopback(address: string | undefined): void {
  const local = address === undefined || /^(::ffff:)?127\./.test(address) || address === '::1'
  if (!local) {
    throw new TidingsError('option_invalid', `Option "development" is for loopback only; this hub was reached at ${address}.`, { field: 'development' })
  }
}
