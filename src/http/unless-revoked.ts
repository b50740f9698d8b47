import type { Authenticate } from '../auth/authenticate.js'
import type { Incoming } from '../auth/incoming.js'
import type { Principal } from '../auth/principal.js'
import { revoked } from '../hub/control.js'
import type { HubCore } from '../hub/hub.js'

export interface UnlessRevoked {
  /** Asked at every request, so that nothing that remembers a credential lets a revoked one in (A5). */
  readonly authenticate: Authenticate
  /** Throws `unauthorized` for whoever was revoked since: a body may follow its head as late as it likes. */
  readonly stillGood: (request: Incoming, principal: Principal) => void
}

export function unlessRevoked(authenticate: Authenticate, { control }: HubCore): UnlessRevoked {
  /** The generation of revocations before the credential was read, of requests with a body. */
  const asked = new WeakMap<Incoming, number>()
  return {
    async authenticate(request) {
      if (request.method !== 'GET') asked.set(request, control.revocations.generation)
      const principal = await authenticate(request)
      const settled = control.settled()
      if (settled) await settled
      control.check(principal.namespace, principal)
      return principal
    },
    stillGood(request, principal) {
      const generation = asked.get(request) ?? 0
      if (control.revokedSince(generation, principal.namespace, principal)) throw revoked()
    },
  }
}
