import type { ClosedReport, ConnectionReport } from 'tidings'

/** A connection as `GET /connections` shows it (P11.6), open or one of the last that closed (P11.7). */
export type Connection = Omit<ConnectionReport, OfOpen> &
  Partial<Pick<ConnectionReport, OfOpen> & Pick<ClosedReport, 'reason' | 'note' | 'durationMs'>>
type OfOpen = 'unsentBytes' | 'lag'

export interface ConnectionPage {
  readonly connections: readonly Connection[]
  readonly next?: string
  /** Nodes that did not answer in time. */
  readonly missing?: readonly string[]
}

const reasons: Readonly<Record<string, string>> = {
  gone: 'The reader left',
  shutdown: 'The hub shut down',
  rotate: 'Renewed: it had reached its greatest age',
  slow_consumer: 'It took no byte for too long',
  expired: 'Its token expired',
  revoked: 'Its credential was revoked',
  kicked: 'Disconnected by an admin',
  replaced: 'The same client came back',
  ended: 'All its jobs had ended',
  refused: 'It was refused',
  idle: 'Nothing happened on it',
  upgrade: 'The hub was upgraded',
}

/** Why a connection closed, in words. */
export const wordsOfReason = (reason: string): string => reasons[reason] ?? reason

/** Who is at the other end, in few words. */
export const readerOf = ({ user, session, transport, method }: Connection): string =>
  user ?? session ?? (transport === 'process' ? 'this process' : (method ?? 'nobody'))
