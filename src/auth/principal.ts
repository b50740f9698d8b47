import { TidingsError } from '../errors.js'
import { defaults } from '../protocol/defaults.js'
import {
  checkId,
  checkPattern,
  checkTopic,
  everyone,
  jobsTopic,
  roleTopic,
  sessionTopic,
  userTopic,
} from '../protocol/topic.js'

/** Who is connected, as every part behind the authenticators sees them (spec §5). */
export interface Principal {
  readonly namespace: string
  readonly userId?: string
  readonly sessionId?: string
  readonly roles: readonly string[]
  /** Patterns of topics this principal may read besides its own (A3). */
  readonly subscribe: readonly string[]
  /** Patterns of topics this principal may publish to; for `job:` topics, of jobs it may command (A4). */
  readonly publish: readonly string[]
  readonly admin: boolean
  /** Unix ms. Streams of this principal end then; absent: at the stream's greatest age only. */
  readonly expiresAt?: number
  readonly method: 'session' | 'jwt' | 'development' | 'anonymous'
  /** `jti` of its token, by which it is revoked (A5). */
  readonly tokenId?: string
  /** Unix ms; when its token was made. */
  readonly issuedAt?: number
  /** It holds a token made for these topics (A4): to read them is all it may, and not even `all` is open to it. */
  readonly scope?: readonly string[]
  /** The job that the token was made for; such a token may be renewed while there is the job. */
  readonly jobId?: string
}

/** What is said about a person before it is checked: a session, or the claims of a token. */
export interface Claims {
  readonly userId?: unknown
  readonly sessionId?: unknown
  readonly roles?: unknown
  readonly namespace?: unknown
  readonly subscribe?: unknown
  readonly publish?: unknown
  readonly admin?: unknown
  readonly expiresAt?: unknown
}

/** The topics a stream has when it names none: user, session, roles, the jobs of this user, and `all`. */
export function ownTopics(principal: Principal): string[] {
  if (principal.scope) return [...principal.scope]
  // Nothing is its own, and `all` is for those who signed in.
  if (principal.method === 'anonymous') return []
  const topics: string[] = []
  if (principal.userId !== undefined) topics.push(userTopic(principal.userId))
  if (principal.sessionId !== undefined) topics.push(sessionTopic(principal.sessionId))
  for (const role of principal.roles) topics.push(roleTopic(role))
  if (principal.userId !== undefined) topics.push(jobsTopic(userTopic(principal.userId)))
  topics.push(everyone)
  return topics
}

/** Whoever carries no credential, where that is allowed: it may read what `subscribe` names and nothing else (A3). */
export const anonymousPrincipal = (subscribe: readonly string[]): Principal => ({
  namespace: defaults.namespace,
  roles: none,
  subscribe,
  publish: none,
  admin: false,
  method: 'anonymous',
})

/** One for all: ten thousand people who have nothing of a kind. */
const none: readonly string[] = []

/**
 * Checks every claim and fills in the defaults; null counts as absent.
 * Throws the error of the first claim that is wrong; its `field` is the claim's name after `prefix`.
 */
export function checkPrincipal(claims: Claims, method: Principal['method'], prefix = ''): Principal {
  const field = (name: keyof Claims): string => prefix + name
  const given = (name: keyof Claims): boolean => claims[name] !== undefined && claims[name] !== null
  const roles = list(claims.roles, field('roles'), (role, at) => checkTopic(roleTopic(role), at).slice('role:'.length))
  if (given('admin') && typeof claims.admin !== 'boolean') throw wrong(field('admin'), 'must be true or false')
  return {
    namespace: given('namespace') ? checkId(claims.namespace, field('namespace')) : defaults.namespace,
    ...(given('userId') && { userId: checkId(claims.userId, field('userId')) }),
    ...(given('sessionId') && { sessionId: checkId(claims.sessionId, field('sessionId')) }),
    roles,
    subscribe: list(claims.subscribe, field('subscribe'), checkPattern),
    publish: list(claims.publish, field('publish'), checkPattern),
    admin: claims.admin === true,
    ...(given('expiresAt') && { expiresAt: checkExpiry(claims.expiresAt, field('expiresAt')) }),
    method,
  }
}

function list(value: unknown, field: string, check: (item: string, field: string) => string): readonly string[] {
  if (value === undefined || value === null) return none
  if (!Array.isArray(value)) throw wrong(field, 'must be an array of strings')
  const checked = value.map((item: unknown, index) => {
    if (typeof item !== 'string') throw wrong(`${field}[${index}]`, 'must be a string')
    return check(item, `${field}[${index}]`)
  })
  return checked.length === 0 ? none : [...new Set(checked)]
}

/** The year 1973 in ms, the year 5138 in seconds: a smaller number was meant in seconds. */
const leastExpiryMs = 1e11

function checkExpiry(value: unknown, field: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw wrong(field, 'must be a time in Unix ms')
  if (value > 0 && value < leastExpiryMs) throw wrong(field, 'must be in milliseconds; this looks like seconds')
  return value
}

function wrong(field: string, what: string): TidingsError {
  return new TidingsError('option_invalid', `"${field}" ${what}.`, { field })
}
