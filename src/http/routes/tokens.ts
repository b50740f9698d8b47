import type { Incoming } from '../../auth/incoming.js'
import { unauthorized } from '../../auth/authenticator.js'
import { ownTopics } from '../../auth/principal.js'
import { TidingsError } from '../../errors.js'
import { checkTopic } from '../../protocol/topic.js'
import { type Access, unknownJob } from '../access.js'
import { type Answer, json } from '../answer.js'
import { readObject } from '../body.js'
import type { HttpParts } from '../parts.js'

/**
 * `POST /tokens`: what the caller may, as a token for an hour; with `{ "for": "url" }` one for reading `topics` (default: the
 * caller's own) for five minutes; and for whoever holds the token of a job, that token anew (A2, A4).
 */
export async function postToken(parts: HttpParts, access: Access, request: Incoming): Promise<Answer> {
  const principal = await parts.authenticate(request, 'tokens')
  const body = await readObject(parts, request, principal, true)
  const { for: purpose, topics, ...unknown } = body
  const [name] = Object.keys(unknown)
  if (name !== undefined) throw invalid(name, `"${name}" is no field of a token. Fields are for, topics.`)
  if (purpose !== undefined && purpose !== 'url') throw invalid('for', '"for" can only be "url".')
  if (topics !== undefined && purpose !== 'url') throw invalid('topics', '"topics" goes with "for": "url".')

  // It would be one of somebody who signed in.
  if (principal.method === 'anonymous') throw unauthorized('Sign in first: this request carries no credential.')
  if (purpose === 'url') {
    const named = topics === undefined ? ownTopics(principal) : listOf(topics, parts.core.settings.topicsPerStream)
    return json(await parts.mint.forUrl(principal, await access.topicsFor(principal, named, false)), 201)
  }
  const { namespace, jobId, scope, tokenId } = principal
  if (jobId !== undefined) {
    // Its life is the job's.
    if (!(await parts.jobs.snapshot(namespace, jobId))) throw unknownJob(jobId)
    return json(await parts.mint.forJob(namespace, jobId, { tokenId }), 201)
  }
  if (scope !== undefined) throw new TidingsError('forbidden', 'A token for single topics makes no other token.')
  return json(await parts.mint.forSession(principal), 201)
}

function listOf(topics: unknown, most: number): readonly string[] {
  if (!Array.isArray(topics) || topics.length === 0 || topics.length > most)
    throw invalid('topics', `"topics" must be an array of 1–${most} topics.`)
  return [...new Set(topics.map((topic, index) => checkTopic(topic, `topics[${index}]`)))]
}

const invalid = (field: string, message: string): TidingsError => new TidingsError('body_invalid', message, { field })
