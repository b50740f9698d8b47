import type { Incoming } from '../../auth/incoming.js'
import { exposition, expositionType } from '../../hub/figures/exposition.js'
import type { Access } from '../access.js'
import { operator } from '../administrator.js'
import type { Answer } from '../answer.js'
import type { HttpParts } from '../parts.js'

/** `GET /metrics`: this node for Prometheus (O3). To operators, or to everybody where that was set. */
export async function getMetrics(parts: HttpParts, access: Access, request: Incoming): Promise<Answer> {
  if (!parts.openMetrics) await operator(parts, access, request)
  return {
    status: 200,
    headers: { 'Content-Type': expositionType, 'Cache-Control': 'no-store' },
    body: exposition(await parts.statistics.scrape()),
  }
}
