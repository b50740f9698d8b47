import type { Incoming } from '../auth/incoming.js'
import type { Mint } from '../auth/mint.js'
import type { Principal } from '../auth/principal.js'
import type { HubCore } from '../hub/hub.js'
import type { JobsEngine } from '../jobs/jobs.js'
import type { Origins } from './origins.js'

/** What the routes are made of; `index.ts` joins it. */
export interface HttpParts {
  readonly core: HubCore
  readonly jobs: JobsEngine
  /** Throws `unauthorized`; never returns somebody else. */
  readonly authenticate: (request: Incoming) => Promise<Principal>
  readonly mint: Mint
  readonly origins: Origins
}
