import { TidingsError } from '../errors.js'

const maxTopicBytes = 256
const maxIdLength = 128
/** Control and format characters, white space, lone surrogates (they have no UTF-8), and the wildcard. */
const forbiddenInTopic = /[\p{Cc}\p{Cf}\p{Cs}\s*]/u
const forbiddenInId = /[\p{Cc}\p{Cf}\p{Cs}\s*{}]/u
const encoder = /* @__PURE__ */ new TextEncoder()

/** A quick look for readers, whose hub checks the rest: not empty, and nothing in it that no topic contains. */
export const looksLikeTopic = (topic: string): boolean => topic !== '' && !forbiddenInTopic.test(topic)

/** The topic everybody of a namespace may read. */
export const everyone = 'all'

export const userTopic = (userId: string): string => `user:${userId}`
export const sessionTopic = (sessionId: string): string => `session:${sessionId}`
export const roleTopic = (role: string): string => `role:${role}`
export const jobTopic = (jobId: string): string => `job:${jobId}`
/** All jobs of one owner; `owner` is `user:<id>` as everywhere in the API. */
export const jobsTopic = (owner: string): string => `jobs:${owner.slice('user:'.length)}`

const idAfter: Record<string, string> = { user: 'user', session: 'session', job: 'job', jobs: 'user' }

/** The id of the job whose topic this is, or null. */
export function jobIdOf(topic: string): string | null {
  return topic.startsWith('job:') ? topic.slice(4) : null
}

/** Topics that take events only through jobs (E4). */
export function isJobTopic(topic: string): boolean {
  return topic.startsWith('job:') || topic.startsWith('jobs:')
}

/** Returns `topic` when it is a legal name (spec §1); throws `topic_invalid` with the reason and the place. */
export function checkTopic(topic: unknown, field = 'topic'): string {
  const wrong = typeof topic === 'string' ? whatIsWrongWithTopic(topic) : 'is not a string'
  if (wrong) {
    const shown = typeof topic === 'string' ? JSON.stringify(topic.slice(0, 80)) : typeof topic
    throw new TidingsError(
      'topic_invalid',
      `Topic ${shown} ${wrong}. Topic names are 1–256 bytes without white space, control characters or "*". See docs/concepts/topics.md.`,
      { field },
    )
  }
  return topic as string
}

function whatIsWrongWithTopic(topic: string): string | null {
  if (topic.length === 0) return 'is empty'
  const bad = forbiddenInTopic.exec(topic)
  if (bad) return `contains ${describe(bad[0])} at position ${bad.index}`
  if (isOverBytes(topic)) return 'is over 256 bytes'
  const colon = topic.indexOf(':')
  const kind = colon < 0 ? topic : topic.slice(0, colon)
  const named = Object.hasOwn(idAfter, kind) ? idAfter[kind] : undefined
  if (named) {
    if (colon < 0) return `lacks the ${named} id after "${kind}:"`
    const wrong = whatIsWrongWithId(topic.slice(colon + 1))
    if (wrong) return `has a ${named} id that ${wrong}`
  }
  if (kind === 'role' && topic.length <= 5) return 'lacks the role after "role:"'
  if (kind === everyone && colon >= 0) return 'begins with "all", which is one topic and has no parts'
  return null
}

/** Nearly every topic is so short that its bytes need no counting. */
const isOverBytes = (topic: string): boolean =>
  topic.length > maxTopicBytes || (topic.length * 3 > maxTopicBytes && encoder.encode(topic).length > maxTopicBytes)

/** Returns `id` when it may name a namespace, user, session or job; throws `id_invalid`. */
export function checkId(id: unknown, field: string): string {
  const wrong = typeof id === 'string' ? whatIsWrongWithId(id) : 'is not a string'
  if (wrong) {
    throw new TidingsError(
      'id_invalid',
      `"${field}" ${wrong}. Ids are 1–128 characters without white space, control characters, "*", "{" or "}".`,
      { field },
    )
  }
  return id as string
}

function whatIsWrongWithId(id: string): string | null {
  if (id.length === 0) return 'is empty'
  if (id.length > maxIdLength) return 'is over 128 characters'
  const bad = forbiddenInId.exec(id)
  return bad ? `contains ${describe(bad[0])} at position ${bad.index}` : null
}

function describe(character: string): string {
  if (/\s/u.test(character)) return 'white space'
  if ('*{}'.includes(character)) return `"${character}"`
  if (/\p{Cs}/u.test(character)) return 'half of a surrogate pair'
  return 'a control or format character'
}

/** Returns `pattern` when it is a topic or ends in its only `*`; throws `pattern_invalid`. */
export function checkPattern(pattern: unknown, field = 'pattern'): string {
  if (!isPattern(pattern)) {
    throw new TidingsError(
      'pattern_invalid',
      `Pattern ${JSON.stringify(pattern)} is neither a topic nor a beginning of topics followed by one "*" ("job:*", "*").`,
      { field },
    )
  }
  return pattern
}

function isPattern(pattern: unknown): pattern is string {
  if (typeof pattern !== 'string') return false
  if (!pattern.endsWith('*')) return whatIsWrongWithTopic(pattern) === null
  const stem = pattern.slice(0, -1)
  return !forbiddenInTopic.test(stem) && !isOverBytes(stem)
}

/** Whether a checked `pattern` covers `topic`. */
export function matchesPattern(pattern: string, topic: string): boolean {
  return pattern.endsWith('*') ? topic.startsWith(pattern.slice(0, -1)) : pattern === topic
}
