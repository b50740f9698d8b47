import type { Incoming } from '../../auth/incoming.js'
import { TidingsError } from '../../errors.js'
import { activityKinds } from '../../hub/activity-log.js'
import type { Access } from '../access.js'
import { admin } from '../administrator.js'
import { type Answer, json } from '../answer.js'
import { pageOf } from '../page-query.js'
import type { HttpParts } from '../parts.js'

/**
 * `GET /activity`: what happened lately on all nodes (O1): to connections of the caller's namespace, and, for those who run the
 * hub, what was refused and what failed.
 */
export async function getActivity(parts: HttpParts, access: Access, request: Incoming): Promise<Answer> {
  const principal = await admin(parts, access, request)
  const { query } = request
  const { limit } = pageOf(query)
  const asked = query.get('kind')
  const kind = activityKinds.find((each) => each === asked)
  if (asked !== null && !kind)
    throw new TidingsError('query_invalid', `"kind" must be one of ${activityKinds.join(', ')}.`, { field: 'kind' })
  const isOfHub = kind === 'refused' || kind === 'error'
  if (isOfHub) await access.requireOperator(principal)
  const ofHub = isOfHub || (await access.isOperator(principal))
  const { namespace } = principal
  return json(await parts.core.activity.read({ namespace, ofHub, limit, ...(kind && { kind }) }))
}
