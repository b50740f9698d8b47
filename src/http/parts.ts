import type { Ask } from '../auth/authorize.js'
import type { Incoming } from '../auth/incoming.js'
import type { Mint } from '../auth/mint.js'
import type { Principal } from '../auth/principal.js'
import type { Statistics } from '../hub/figures/statistics.js'
import type { HubCore } from '../hub/hub.js'
import type { LimitedKind } from '../hub/limits/settings.js'
import type { JobsEngine } from '../jobs/jobs.js'
import type { Admission } from './admission.js'
import type { Origins } from './origins.js'
import type { Dashboard } from './routes/dashboard.js'

/** What the routes are made of; `entry/create-hub.ts` joins it. */
export interface HttpParts {
  readonly core: HubCore
  readonly jobs: JobsEngine
  /** Throws `unauthorized`; never returns somebody else. As one of `kind` (default: a read) the request is counted first. */
  readonly authenticate: (request: Incoming, kind?: LimitedKind) => Promise<Principal>
  /** Throws `unauthorized` where the principal was revoked since `authenticate`. */
  readonly stillGood: (request: Incoming, principal: Principal) => void
  readonly mint: Mint
  readonly ask: Ask
  /** Patterns of topics that anybody who is let in may read. */
  readonly publicTopics: readonly string[]
  readonly origins: Origins
  readonly admission: Admission
  readonly statistics: Statistics
  readonly dashboard?: Dashboard | undefined
  /** Whether everybody may read the metrics. */
  readonly openMetrics: boolean
}
