/** Somebody as the test knows them, not as the hub does: what they may is worked out here once more. */
export interface Person {
  readonly namespace: string
  readonly userId: string
  readonly sessionId: string
  readonly roles: readonly string[]
  readonly subscribe: readonly string[]
  readonly publish: readonly string[]
  /** Runs this namespace, and nothing beyond it. */
  readonly admin: boolean
  /** A token for these topics alone. */
  readonly scope?: readonly string[]
}

/** A secret that may be seen in one namespace, by whoever may read one of the topics. */
export interface Canary {
  readonly namespace: string
  readonly topics: readonly string[]
  /** Of the job that it is about. */
  readonly owner?: string
  /** When it began to be published. */
  readonly atMs: number
}

export function mayRead(person: Person, topic: string): boolean {
  if (person.scope) return person.scope.includes(topic)
  const own = [
    'all',
    `user:${person.userId}`,
    `jobs:${person.userId}`,
    `session:${person.sessionId}`,
    ...person.roles.map((role) => `role:${role}`),
  ]
  return (
    own.includes(topic) ||
    person.subscribe.some((pattern) =>
      pattern.endsWith('*') ? topic.startsWith(pattern.slice(0, -1)) : pattern === topic,
    )
  )
}

/** `commands`: the answer of a route under `/jobs/{id}`, which whoever may command a job may ask too. */
export function maySee(person: Person, { namespace, topics, owner }: Canary, commands = false): boolean {
  if (person.namespace !== namespace) return false
  if (person.admin && !person.scope) return true
  if (commands && owner !== undefined && !person.scope && person.publish.includes('job:*')) return true
  return topics.some((topic) => mayRead(person, topic)) || (!person.scope && owner === person.userId)
}
