import type { Incoming } from '../auth/incoming.js'
import type { Principal } from '../auth/principal.js'
import type { Access } from './access.js'
import type { HttpParts } from './parts.js'

/** Who asks, where that is an admin (A7). Throws `forbidden`. */
export async function admin(parts: HttpParts, access: Access, request: Incoming): Promise<Principal> {
  const principal = await parts.authenticate(request)
  await access.requireAdmin(principal)
  return principal
}

/** Who asks, where that is somebody who runs the hub (P11.18). Throws `forbidden`. */
export async function operator(parts: HttpParts, access: Access, request: Incoming): Promise<Principal> {
  const principal = await parts.authenticate(request)
  await access.requireOperator(principal)
  return principal
}
