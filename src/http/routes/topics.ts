import type { Incoming } from '../../auth/incoming.js'
import { TidingsError } from '../../errors.js'
import { formatCursor } from '../../protocol/cursor.js'
import { checkTopic } from '../../protocol/topic.js'
import type { Access } from '../access.js'
import { admin } from '../administrator.js'
import { type Answer, json, noContent } from '../answer.js'
import { pageOf } from '../page-query.js'
import type { HttpParts } from '../parts.js'

const longestText = 256

/** `DELETE /topics/{topic}`: takes away what is kept of it, everywhere; its readers are told that history is missing. */
export async function deleteTopic(parts: HttpParts, access: Access, request: Incoming, name: string): Promise<Answer> {
  const { namespace } = await admin(parts, access, request)
  await parts.core.control.erase(namespace, checkTopic(name))
  return noContent
}

/** `GET /topics/{topic}`: what is kept of it and who listens on this node. */
export async function getTopic(parts: HttpParts, access: Access, request: Incoming, name: string): Promise<Answer> {
  const principal = await parts.authenticate(request)
  const topic = checkTopic(name)
  await access.requireSubscribe(principal, topic)
  const { first, last, count, bytes, epoch } = await parts.core.describe(principal.namespace, topic)
  const cursor = (seq: number | null): string | null => (seq === null ? null : formatCursor({ epoch, seq }))
  return json({
    topic,
    first: cursor(first),
    last: cursor(last),
    count,
    bytes,
    readers: parts.core.readersOf(principal.namespace, topic),
  })
}

/** `GET /topics`: those that keep events, a page at a time, with how many read them on all nodes. */
export async function getTopics(parts: HttpParts, access: Access, request: Incoming): Promise<Answer> {
  const { namespace } = await admin(parts, access, request)
  const { query: asked } = request
  const { limit, after } = pageOf(asked)
  const contains = asked.get('contains') ?? ''
  if (contains.length > longestText) {
    throw new TidingsError('query_invalid', `"contains" is at most ${longestText} characters.`, { field: 'contains' })
  }
  const query = { limit, contains, ...(after !== undefined && { after }) }
  const { topics, epoch, readers, next, missing } = await parts.core.topicList.read(namespace, query)
  return json({
    topics: topics.map(({ topic, first, last, count, bytes }, index) => ({
      topic,
      first: formatCursor({ epoch, seq: first }),
      last: formatCursor({ epoch, seq: last }),
      count,
      bytes,
      readers: readers[index],
    })),
    next,
    missing,
  })
}
