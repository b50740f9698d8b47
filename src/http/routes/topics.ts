import type { Incoming } from '../../auth/incoming.js'
import { formatCursor } from '../../protocol/cursor.js'
import { checkTopic } from '../../protocol/topic.js'
import type { Access } from '../access.js'
import { type Answer, json, noContent } from '../answer.js'
import type { HttpParts } from '../parts.js'

/** `DELETE /topics/{topic}`: takes away what is kept of it, everywhere; its readers are told that history is missing. */
export async function deleteTopic(parts: HttpParts, access: Access, request: Incoming, name: string): Promise<Answer> {
  const principal = await parts.authenticate(request)
  await access.requireAdmin(principal)
  await parts.core.control.erase(principal.namespace, checkTopic(name))
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
