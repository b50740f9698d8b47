import { matchesPattern } from '../protocol/topic.js'
import { type Principal, ownTopics } from './principal.js'

/**
 * Whether `principal` may read `topic` by the defaults of A3: its own topics, what its grants name, and jobs it owns.
 * Ownership of a job is in the job's state, so the caller looks it up and says so in `ownsJob`.
 */
export function canSubscribe(principal: Principal, topic: string, ownsJob = false): boolean {
  if (principal.scope) return principal.scope.includes(topic)
  return (
    ownTopics(principal).includes(topic) ||
    principal.subscribe.some((pattern) => matchesPattern(pattern, topic)) ||
    (ownsJob && topic.startsWith('job:'))
  )
}

/**
 * Whether `principal` may publish to `topic`: only with a grant (A3). For a `job:` topic this is the right to create
 * and command that job (A4); events reach such topics through jobs alone, whatever the grant (E4).
 */
export function canPublish(principal: Principal, topic: string): boolean {
  return !principal.scope && principal.publish.some((pattern) => matchesPattern(pattern, topic))
}
