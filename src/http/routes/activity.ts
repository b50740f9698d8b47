import type { Incoming } from '../../auth/incoming.js'
import { TidingsError } from '../../errors.js'
import { activityKinds } from '../../hub/activity-log.js'
import type { Access } from '../access.js'
import { type Answer, json } from '../answer.js'
import { pageOf } from '../page-query.js'
import type { HttpParts } from '../parts.js'
import { operator } from './connections.js'

/** `GET /activity`: what happened lately on all nodes, for those who run them: refusals belong to no namespace (O1). */
export async function getActivity(parts: HttpParts, access: Access, request: Incoming): Promise<Answer> {
  await operator(parts, access, request)
  const { searchParams } = request.address
  const { limit } = pageOf(searchParams)
  const asked = searchParams.get('kind')
  const kind = activityKinds.find((each) => each === asked)
  if (asked !== null && !kind)
    throw new TidingsError('query_invalid', `"kind" must be one of ${activityKinds.join(', ')}.`, { field: 'kind' })
  return json(await parts.core.activity.read({ limit, ...(kind && { kind }) }))
}
