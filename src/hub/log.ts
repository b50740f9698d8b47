import type { Connection } from './connection.js'

/** Where the hub writes what it does (O4): the shape of pino, which any logger can be given. It must not throw. */
export interface HubLog {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  /** Absent: every line is made, also those that are then thrown away. */
  isLevelEnabled?(level: string): boolean
}

/** Polls come by the thousand: a line for each would bury the rest. */
const levelOf = ({ transport }: Connection): 'info' | 'debug' => (transport === 'sse' ? 'info' : 'debug')

const wants = (log: HubLog, level: 'info' | 'debug'): boolean => log.isLevelEnabled?.(level) ?? true

/** One line when a connection opens. Who and what for; no credential, and nothing that is sent on it. */
export function logOpened(log: HubLog, connection: Connection): void {
  const level = levelOf(connection)
  if (!wants(log, level)) return
  const { id, namespace, transport, topics, options } = connection
  const { reader, address, name } = options
  const who = reader && { method: reader.method, user: reader.userId, session: reader.sessionId }
  log[level](
    { connection: id, namespace, transport, ...who, address, name, topics: topics.length },
    'connection opened',
  )
}

/** One line when it is over: why, and what it came to. */
export function logClosed(log: HubLog, connection: Connection, nowMs: number): void {
  const level = levelOf(connection)
  if (!wants(log, level)) return
  const { id, namespace, transport, activity, options } = connection
  const { reason, openedMs, events, errors } = activity
  log[level](
    {
      connection: id,
      namespace,
      transport,
      user: options.reader?.userId,
      reason: reason ?? 'gone',
      durationMs: Math.round(nowMs - openedMs),
      sent: events,
      errors,
    },
    'connection closed',
  )
}

/** One line an event, for whoever looks for one: what it is called, and nothing of what is in it. */
export function logStored(
  log: HubLog,
  namespace: string,
  { id, type, topics }: { readonly id: string; readonly type: string; readonly topics: readonly string[] },
  seq: number,
): void {
  if (wants(log, 'debug')) log.debug({ event: id, namespace, type, topics, seq }, 'event stored')
}
