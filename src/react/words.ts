import type { ConnectionStatus as Status } from '../client/state.js'

/** What people read of a connection. */
export type ConnectionWords = Readonly<Record<Status | 'stream' | 'lastEvent' | 'tryAgain', string>>

export const connectionWords: ConnectionWords = {
  idle: 'Not connected',
  connecting: 'Connecting',
  connected: 'Connected',
  polling: 'Connected by polling',
  waiting: 'Reconnecting',
  offline: 'Offline',
  closed: 'Closed',
  stream: 'by a stream',
  lastEvent: 'Last event',
  tryAgain: 'Try again',
}
