import { formatCursor } from '../protocol/cursor.js'
import type { ConnectionOptions } from './connection.js'
import { Frame } from './frame.js'
import type { HubContext } from './hub.js'
import type { Opening } from './start.js'

/** The first bytes of a stream (H1), its cursor as `id:` so that a stream cut at once resumes where it would have begun. */
export function helloFrames(context: HubContext, options: ConnectionOptions, opening: Opening): readonly Frame[] {
  const cursor = formatCursor(opening.position)
  const hello = {
    connectionId: options.id,
    cursor,
    resumed: opening.resumed,
    topics: options.topics,
    ...(options.types && { types: options.types }),
    heartbeatMs: context.settings.heartbeatMs,
    protocol: context.settings.protocolVersion,
    degraded: false,
  }
  return [
    // `retry:` is for native EventSource, which has no jitter of its own.
    Frame.ofControl('hello', hello, { id: cursor, retryMs: context.retryMs() }),
    // Some virus scanners hold each event until the next byte comes.
    Frame.ofBlock({ comment: '' }),
  ]
}
