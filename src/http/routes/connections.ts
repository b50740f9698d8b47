import type { Incoming } from '../../auth/incoming.js'
import { TidingsError } from '../../errors.js'
import { checkFilter, type ConnectionFilter } from '../../hub/report.js'
import type { RevocationTarget } from '../../hub/revocation.js'
import type { Access } from '../access.js'
import { admin } from '../administrator.js'
import { type Answer, json, noContent } from '../answer.js'
import { readObject } from '../body.js'
import { pageOf } from '../page-query.js'
import type { HttpParts } from '../parts.js'

const paging = ['limit', 'after', 'reason']
const longestReason = 200

/** `GET /connections`: those of the caller's namespace on all nodes; `state=closed`: the last that closed. */
export async function getConnections(parts: HttpParts, access: Access, request: Incoming): Promise<Answer> {
  const { namespace } = await admin(parts, access, request)
  const { query } = request
  const page = pageOf(query)
  const { control } = parts.core
  if (query.get('state') !== 'closed') return json(await control.list(namespace, filterOf(query), page))
  const rest = new URLSearchParams(query)
  rest.delete('state')
  return json(await control.closed(namespace, filterOf(rest), page))
}

/** `DELETE /connections?state=stale`, or by any other filter, but never by none: `{ closed }`. */
export async function deleteConnections(parts: HttpParts, access: Access, request: Incoming): Promise<Answer> {
  const { namespace } = await admin(parts, access, request)
  const filter = filterOf(request.query)
  if (Object.keys(filter).length === 0) {
    throw new TidingsError('query_invalid', 'Say which connections: state, user, session, topic, transport or node.', {
      field: 'state',
    })
  }
  return json(await parts.core.control.disconnect(namespace, filter, reasonOf(request)))
}

export async function getConnection(parts: HttpParts, access: Access, request: Incoming, id: string): Promise<Answer> {
  const { namespace } = await admin(parts, access, request)
  const found = await parts.core.control.find(namespace, id)
  if (!found) throw unknown(id)
  return json(found)
}

export async function deleteConnection(
  parts: HttpParts,
  access: Access,
  request: Incoming,
  id: string,
): Promise<Answer> {
  const { namespace } = await admin(parts, access, request)
  const { closed } = await parts.core.control.disconnect(namespace, { id }, reasonOf(request))
  if (closed === 0) throw unknown(id)
  return noContent
}

/** `POST /connections/ping`: `{ sent }`, how many streams were sent one. */
export async function pingConnections(parts: HttpParts, access: Access, request: Incoming): Promise<Answer> {
  const { namespace } = await admin(parts, access, request)
  return json(await parts.core.control.ping(namespace, filterOf(request.query)))
}

/** `POST /revocations` `{ user | session | tokenId }`: `{ closed }`, how many streams and held polls it ended (A5). */
export async function postRevocation(parts: HttpParts, access: Access, request: Incoming): Promise<Answer> {
  const principal = await admin(parts, access, request)
  const target = await readObject(parts, request, principal)
  return json(await parts.core.control.revoke(principal.namespace, target as unknown as RevocationTarget), 201)
}

function filterOf(query: URLSearchParams): ConnectionFilter {
  const given = [...query].filter(([name]) => !paging.includes(name) && !signInNames.has(name))
  return checkFilter(Object.fromEntries(given))
}

/** What an authenticator reads of the query. */
const signInNames: ReadonlySet<string> = new Set(['token', 'userId', 'roles'])

function reasonOf({ query }: Incoming): string | undefined {
  const reason = query.get('reason') ?? undefined
  if (reason !== undefined && reason.length > longestReason) {
    throw new TidingsError('query_invalid', `"reason" is at most ${longestReason} characters.`, { field: 'reason' })
  }
  return reason
}

const unknown = (id: string): TidingsError =>
  new TidingsError('not_found', `There is no open connection "${id.slice(0, 40)}".`, { field: 'id' })
