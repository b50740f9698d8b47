import type { Authenticate } from '../auth/authenticate.js'
import type { HubCore } from '../hub/hub.js'

/** Asked at every request, so that nothing that remembers a credential lets a revoked one in (A5). */
export function unlessRevoked(authenticate: Authenticate, { control }: HubCore): Authenticate {
  return async (request) => {
    const principal = await authenticate(request)
    const settled = control.settled()
    if (settled) await settled
    control.check(principal.namespace, principal)
    return principal
  }
}
