import type { Incoming } from '../../auth/incoming.js'
import { type StepSeconds } from '../../hub/figures/sampler.js'
import type { Access } from '../access.js'
import { operator } from '../administrator.js'
import { type Answer, json } from '../answer.js'
import type { HttpParts } from '../parts.js'

/** `GET /stats`: the figures of all nodes, for the people who run them (O3). `step`: seconds between the points of the charts. */
export async function getStats(parts: HttpParts, access: Access, request: Incoming): Promise<Answer> {
  const { namespace } = await operator(parts, access, request)
  const step = request.query.get('step') ?? '1'
  // Anything else becomes NaN, which is refused by name.
  const seconds = (/^\d{1,3}$/.test(step) ? Number(step) : Number.NaN) as StepSeconds
  return json(await parts.statistics.read(namespace, { step: seconds }))
}
