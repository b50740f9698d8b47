import type { Clock } from '../clock.js'
import { TidingsError } from '../errors.js'
import type { CloseReason } from '../protocol/control.js'
import { formatCursor } from '../protocol/cursor.js'
import { type ConnectionState, connectionStates } from './activity.js'
import type { Connection } from './connection.js'
import type { TypeCount } from './sent-types.js'
import { comesBack } from './start.js'

/** One connection as `/connections` shows it (O2). Times in Unix ms. */
export interface ConnectionReport {
  readonly id: string
  /** The node that it is on; made anew at each start. */
  readonly node: string
  readonly state: ConnectionState | 'closed'
  readonly since: number
  readonly namespace: string
  readonly transport: 'sse' | 'poll' | 'process'
  /** `session`, `jwt`, …; absent in this process. */
  readonly method?: string
  readonly user?: string
  readonly session?: string
  readonly roles?: readonly string[]
  readonly tokenId?: string
  readonly expiresAt?: number
  /** As limits count it: of IPv6 the /64. */
  readonly address?: string
  readonly userAgent?: string
  /** What the reader calls itself. */
  readonly name?: string
  /** It came with a cursor: it had been here before. */
  readonly returned: boolean
  readonly topics: readonly string[]
  readonly types?: readonly string[]
  readonly opened: number
  readonly lastWrite: number
  /** Events sent. */
  readonly sent: number
  /** Of these, of each of the first ten types; absent from a node of an older version. */
  readonly byType?: readonly TypeCount[]
  readonly unsentBytes: number
  /** By how many numbers of its namespace it is behind. */
  readonly lag: number
  readonly errors: number
  /** At or below it everything was sent, or withheld on purpose; absent while its position is not known. */
  readonly cursor?: string
}

/** One of the last that closed. `reason`: the hub's, or `gone` where the other side left. */
export interface ClosedReport extends Omit<ConnectionReport, 'state' | 'unsentBytes' | 'lag'> {
  readonly state: 'closed'
  readonly reason: CloseReason | 'gone'
  /** In the words of whoever ended it. */
  readonly note?: string
  readonly durationMs: number
}

/** What a report is made from: a connection, or what is kept of one. */
export type Reported = Pick<
  Connection,
  'id' | 'namespace' | 'transport' | 'options' | 'activity' | 'cursor' | 'unsentBytes' | 'lag' | 'stalledMs'
>

/** One moment, on both clocks. */
export interface Moment {
  readonly unixMs: number
  readonly monotonicMs: number
}

export const momentOf = (clock: Clock): Moment => ({ unixMs: clock.now(), monotonicMs: clock.monotonic() })

export function reportOf(connection: Reported, node: string, now: Moment): ConnectionReport {
  const { id, activity, namespace, transport, options, unsentBytes, lag, cursor } = connection
  const { reader, topics, types, userAgent, address, name, start } = options
  const unixOf = (monotonicMs: number): number => Math.round(now.unixMs - (now.monotonicMs - monotonicMs))
  const { state, sinceMs } = activity.stateAt(now.monotonicMs, connection.stalledMs)
  return {
    id,
    node,
    state,
    since: unixOf(sinceMs),
    namespace,
    transport,
    ...(reader && {
      method: reader.method,
      roles: reader.roles,
      ...(reader.userId !== undefined && { user: reader.userId }),
      ...(reader.sessionId !== undefined && { session: reader.sessionId }),
      ...(reader.tokenId !== undefined && { tokenId: reader.tokenId }),
      ...(reader.expiresAt !== undefined && { expiresAt: reader.expiresAt }),
    }),
    ...(address !== undefined && { address }),
    ...(userAgent !== undefined && { userAgent }),
    ...(name !== undefined && { name }),
    returned: comesBack(start),
    topics,
    ...(types && { types }),
    opened: unixOf(activity.openedMs),
    lastWrite: unixOf(activity.writeMs),
    sent: activity.events,
    byType: activity.types?.counts ?? [],
    unsentBytes,
    lag,
    errors: activity.errors,
    ...(cursor && { cursor: formatCursor(cursor) }),
  }
}

/** Which connections are meant; absent: any. */
export interface ConnectionFilter {
  readonly id?: string
  readonly state?: ConnectionState
  readonly user?: string
  readonly session?: string
  readonly topic?: string
  readonly transport?: string
  readonly node?: string
  /** This text in what names it: id, user, session, roles, address, name, user agent, node or a topic, capitals or not. For lists alone. */
  readonly contains?: string
}

const filterNames = ['id', 'state', 'user', 'session', 'topic', 'transport', 'node', 'contains'] as const

/** Checks a filter that came from outside; throws `query_invalid` naming what is wrong. */
export function checkFilter(given: Readonly<Record<string, unknown>>): ConnectionFilter {
  for (const [field, value] of Object.entries(given)) {
    if (value === undefined) continue
    if (!filterNames.includes(field as (typeof filterNames)[number]))
      throw invalid(field, `is no filter of connections: ${filterNames.join(', ')}`)
    if (typeof value !== 'string' || value.length > 512) throw invalid(field, 'must be a text')
    if (field === 'state' && !connectionStates.includes(value as ConnectionState))
      throw invalid(field, `must be one of ${connectionStates.join(', ')}`)
  }
  return given
}

export function matchesFilter(report: ConnectionReport, filter: ConnectionFilter): boolean {
  const { id, state, user, session, topic, transport, node, contains } = filter
  return (
    (id === undefined || report.id === id) &&
    (state === undefined || report.state === state) &&
    (user === undefined || report.user === user) &&
    (session === undefined || report.session === session) &&
    (topic === undefined || report.topics.includes(topic)) &&
    (transport === undefined || report.transport === transport) &&
    (node === undefined || report.node === node) &&
    (contains === undefined || names(report).some((name) => name?.toLowerCase().includes(contains.toLowerCase())))
  )
}

const names = ({ id, user, session, roles = [], address, name, userAgent, node, topics }: ConnectionReport) => [
  ...[id, user, session, address, name, userAgent, node],
  ...roles,
  ...topics,
]

/** Ending and pinging go by whole names: a text that is in more of them than one thought would end those too. */
export function checkExact({ contains }: ConnectionFilter): void {
  if (contains !== undefined) throw invalid('contains', 'is for lists: name here whom you mean')
}

const invalid = (field: string, what: string): TidingsError =>
  new TidingsError('query_invalid', `"${field}" ${what}.`, { field })
