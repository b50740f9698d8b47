import type { Incoming } from '../../auth/incoming.js'
import { type Access, passes } from '../access.js'
import { type Answer, json } from '../answer.js'
import type { HttpParts } from '../parts.js'

/**
 * `GET /diagnosis`: what reached the hub of a request, so that its sender can tell what stands between (O5). How the store is
 * run is for operators.
 */
export async function getDiagnosis(parts: HttpParts, access: Access, request: Incoming): Promise<Answer> {
  const { core, admission } = parts
  const principal = await parts.authenticate(request)
  const isAdmin = await passes(access.requireAdmin(principal))
  const { store, presence } = core
  return json({
    now: Math.round(core.clock.now()),
    request: { httpVersion: request.httpVersion ?? null, ...admission.seen(request), host: request.header('Host') },
    principal: {
      method: principal.method,
      namespace: principal.namespace,
      user: principal.userId ?? null,
      admin: isAdmin,
    },
    heartbeatMs: core.settings.heartbeatMs,
    pollWaitMs: core.settings.pollWaitMs,
    ...((await access.isOperator(principal)) && {
      store: {
        kind: store.kind,
        available: presence.available,
        ...(presence.available && { facts: (await store.policy?.facts()) ?? {} }),
      },
    }),
  })
}
