import type { Incoming } from '../../auth/incoming.js'
import { checkPrincipal } from '../../auth/principal.js'
import { TidingsError } from '../../errors.js'
import { checkEventId } from '../../protocol/event.js'
import { checkId, checkTopic } from '../../protocol/topic.js'
import type { Access } from '../access.js'
import { admin } from '../administrator.js'
import { type Answer, json } from '../answer.js'
import { explain } from '../explanation.js'
import type { HttpParts } from '../parts.js'

const mostTopics = 50

/** `GET /explanation?event=&user=`: why a user did or did not get an event (O5). */
export async function getExplanation(parts: HttpParts, access: Access, request: Incoming): Promise<Answer> {
  const { namespace } = await admin(parts, access, request)
  const { query } = request
  const topics = query.getAll('topic').map((topic) => checkTopic(topic))
  if (topics.length > mostTopics)
    throw new TidingsError('query_invalid', `Name at most ${mostTopics} topics.`, { field: 'topic' })
  const person = {
    namespace,
    userId: checkId(required(query, 'user'), 'user'),
    roles: query.getAll('role'),
  }
  const principal = checkPrincipal(person, 'jwt')
  return json(
    await explain(parts, access, { event: checkEventId(required(query, 'event'), 'event'), principal, topics }),
  )
}

function required(query: URLSearchParams, name: string): string {
  const value = query.get(name)
  if (value === null || value === '')
    throw new TidingsError('query_invalid', `Say which ${name}: ?event=<id>&user=<id>.`, { field: name })
  return value
}
