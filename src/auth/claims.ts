import { TidingsError } from '../errors.js'
import { defaults } from '../protocol/defaults.js'
import { checkId, checkPattern, checkTopic, roleTopic } from '../protocol/topic.js'
import type { Principal } from './principal.js'

/** What a session function returns about the person who sent a request. All fields may be left out. */
export interface Session {
  readonly userId?: string | undefined
  readonly sessionId?: string | undefined
  readonly roles?: readonly string[] | undefined
  /** Default `default`. */
  readonly namespace?: string | undefined
  /** Patterns beside the person's own topics: exact, or with one trailing `*`. */
  readonly subscribe?: readonly string[] | undefined
  readonly publish?: readonly string[] | undefined
  readonly admin?: boolean | undefined
  /** Unix ms. */
  readonly expiresAt?: number | undefined
}

/** Checks what a session function or a token says of somebody. Throws naming the field; half a principal is never made. */
export function principalOf(claims: Session, method: Principal['method']): Principal {
  const { userId, sessionId, roles, namespace, subscribe, publish, admin, expiresAt } = claims
  if (admin !== undefined && typeof admin !== 'boolean') throw wrong('admin', 'true or false')
  if (expiresAt !== undefined && !(typeof expiresAt === 'number' && Number.isFinite(expiresAt))) throw wrong('expiresAt', 'Unix ms')
  return {
    namespace: checkId(namespace ?? defaults.namespace, 'namespace'),
    ...(userId !== undefined && { userId: checkId(userId, 'userId') }),
    ...(sessionId !== undefined && { sessionId: checkId(sessionId, 'sessionId') }),
    roles: list(roles, 'roles').map((role) => checkTopic(roleTopic(String(role)), 'roles').slice('role:'.length)),
    subscribe: list(subscribe, 'subscribe').map((pattern) => checkPattern(pattern, 'subscribe')),
    publish: list(publish, 'publish').map((pattern) => checkPattern(pattern, 'publish')),
    admin: admin ?? false,
    ...(expiresAt !== undefined && { expiresAt }),
    method,
  }
}

function list(value: unknown, field: string): readonly unknown[] {
  if (value === undefined) return []
  if (!Array.isArray(value)) throw wrong(field, 'an array of strings')
  return value
}

const wrong = (field: string, right: string): TidingsError => new TidingsError('option_invalid', `"${field}" of a principal must be ${right}.`, { field })
