import type { Incoming } from '../../auth/incoming.js'
import { TidingsError } from '../../errors.js'
import type { Answer } from '../answer.js'
import type { HttpParts } from '../parts.js'

/** The page at `/dashboard`, as `createDashboard()` of `tidings/dashboard` makes it. It does all it does over the other routes. */
export interface Dashboard {
  /** The page for a view (empty: the first), or one of its files; null: there is no such file. Throws `forbidden`. */
  answer(request: Incoming, name: string): Answer | null
}

/** `GET /dashboard`, `/dashboard/{view}` and `/dashboard/{file}`. Open to everybody: the page shows nothing without a credential. */
export function getDashboard({ dashboard }: HttpParts, request: Incoming, name: string): Answer {
  if (!dashboard) throw new TidingsError('not_found', 'This hub has no dashboard: it was made without "dashboard".')
  const answer = dashboard.answer(request, name)
  if (!answer) throw new TidingsError('not_found', 'The dashboard has no such file.')
  return answer
}
