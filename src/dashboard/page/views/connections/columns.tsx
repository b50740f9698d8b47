import { type Connection, readerOf, wordsOfReason } from '../../hub/connections.js'
import { Badge } from '../../ui/badge.js'
import { ago, bytes, compact, count, duration } from '../../ui/format.js'
import type { Column } from '../../ui/table.js'
import { StateBadge } from './state-badge.js'

const reader: Column<Connection> = {
  title: 'Reader',
  sort: (connection) => readerOf(connection),
  width: 'minmax(5rem, 1.3fr)',
  cell: (connection) => (
    <>
      <span className="font-medium">{readerOf(connection)}</span>
      <span className="text-muted"> {connection.name ?? connection.roles?.join(', ')}</span>
    </>
  ),
}
const address: Column<Connection> = {
  title: 'Address',
  sort: ({ address: from = '' }) => from,
  width: 'minmax(6rem, 0.9fr)',
  from: 'medium',
  cell: ({ address: from }) => <span className="figures text-muted">{from ?? '–'}</span>,
}
/** What somebody reads of their own says little: what was asked for stands first. */
const topicsOf = ({ topics: read }: Connection): readonly string[] => {
  const isOwn = (topic: string): boolean => /^(user|jobs|role|session):|^all$/.test(topic)
  return [...read.filter((topic) => !isOwn(topic)), ...read.filter(isOwn)]
}
const topics: Column<Connection> = {
  title: 'Topics',
  sort: (connection) => topicsOf(connection)[0] ?? '',
  width: 'minmax(7rem, 2fr)',
  from: 'medium',
  cell: (connection) => (
    <span title={connection.topics.join('\n')}>
      {topicsOf(connection).slice(0, 3).join(', ')}
      {connection.topics.length > 3 && <span className="text-muted"> and {connection.topics.length - 3} more</span>}
    </span>
  ),
}
const transport: Column<Connection> = {
  title: 'By',
  sort: (connection) => connection.transport,
  width: '3.5rem',
  from: 'wide',
  cell: (connection) => <span className="text-muted">{connection.transport}</span>,
}
const sent: Column<Connection> = {
  title: 'Sent',
  sort: (connection) => connection.sent,
  width: '4rem',
  figures: true,
  cell: (connection) => compact(connection.sent),
}
const errors: Column<Connection> = {
  title: 'Errors',
  sort: (connection) => connection.errors,
  width: '3.5rem',
  figures: true,
  from: 'wide',
  cell: (connection) => (
    <span className={connection.errors > 0 ? 'font-medium text-bad' : 'text-muted'}>{count(connection.errors)}</span>
  ),
}

export const openColumns: readonly Column<Connection>[] = [
  { title: 'State', width: '7.5rem', sort: ({ state }) => state, cell: ({ state }) => <StateBadge state={state} /> },
  reader,
  address,
  transport,
  topics,
  {
    title: 'Age',
    width: '5.5rem',
    figures: true,
    from: 'medium',
    sort: ({ opened }) => -opened,
    cell: ({ opened }) => duration(Date.now() - opened),
  },
  sent,
  {
    title: 'Lag',
    sort: ({ lag = 0 }) => lag,
    width: '4rem',
    figures: true,
    from: 'wide',
    cell: ({ lag = 0 }) => <span className={lag > 0 ? 'font-medium text-warn' : 'text-muted'}>{compact(lag)}</span>,
  },
  {
    title: 'Unsent',
    sort: ({ unsentBytes = 0 }) => unsentBytes,
    width: '4.5rem',
    figures: true,
    from: 'wide',
    cell: ({ unsentBytes = 0 }) => (
      <span className={unsentBytes > 0 ? 'font-medium text-warn' : 'text-muted'}>{bytes(unsentBytes)}</span>
    ),
  },
  errors,
]

const sentOfClosed: Column<Connection> = { ...sent, from: 'medium' }

export const closedColumns: readonly Column<Connection>[] = [
  {
    title: 'Closed',
    width: '6rem',
    sort: ({ since }) => -since,
    cell: ({ since }) => <span className="figures">{ago(since)}</span>,
  },
  reader,
  {
    title: 'Why',
    sort: ({ reason = '' }) => reason,
    width: 'minmax(7rem, 2fr)',
    cell: ({ reason = '', note }) => (
      <span title={note}>
        {reason === 'gone' || reason === 'rotate' ? (
          wordsOfReason(reason)
        ) : (
          <Badge tone={reason === 'slow_consumer' ? 'warn' : 'accent'}>{wordsOfReason(reason)}</Badge>
        )}
        {note && <span className="text-muted"> “{note}”</span>}
      </span>
    ),
  },
  address,
  transport,
  {
    title: 'Was open',
    sort: ({ durationMs = 0 }) => durationMs,
    width: '5.5rem',
    figures: true,
    from: 'medium',
    cell: ({ durationMs = 0 }) => duration(durationMs),
  },
  sentOfClosed,
  errors,
]
