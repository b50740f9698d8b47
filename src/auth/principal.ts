import { everyone, jobsTopic, roleTopic, sessionTopic, userTopic } from '../protocol/topic.js'

/** Who is connected, whatever way they signed in. */
export interface Principal {
  /** Nothing crosses from one namespace to another. */
  readonly namespace: string
  readonly userId?: string
  readonly sessionId?: string
  readonly roles: readonly string[]
  /** Patterns of topics it may read beside its own. */
  readonly subscribe: readonly string[]
  /** Patterns of topics it may publish to; `job:` patterns let it run jobs. */
  readonly publish: readonly string[]
  readonly admin: boolean
  /** Unix ms at which its rights end. */
  readonly expiresAt?: number
  readonly method: 'session' | 'jwt' | 'development'
}

/** The topics that are a person's own (A3). */
export function ownTopics(principal: Principal): readonly string[] {
  const { userId, sessionId, roles } = principal
  return [
    ...(userId === undefined ? [] : [userTopic(userId), jobsTopic(userTopic(userId))]),
    ...(sessionId === undefined ? [] : [sessionTopic(sessionId)]),
    ...roles.map(roleTopic),
    everyone,
  ]
}
