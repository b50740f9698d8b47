import { matchesPattern } from '../protocol/topic.js'
import { type Principal, ownTopics } from './principal.js'

/** Whether a principal may read a topic by itself or by its grants (A3). Ownership of single jobs is asked elsewhere. */
export function canSubscribe(principal: Principal, topic: string): boolean {
  return principal.subscribe.some((pattern) => matchesPattern(pattern, topic)) || ownTopics(principal).includes(topic)
}

/** Whether a principal may publish to a topic: only with a grant (A3). */
export function canPublish(principal: Principal, topic: string): boolean {
  return principal.publish.some((pattern) => matchesPattern(pattern, topic))
}
