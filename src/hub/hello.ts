import type { CloseReason } from '../protocol/control.js'
import { defaults } from '../protocol/defaults.js'
import { type Position, formatCursor } from '../protocol/cursor.js'
import type { ConnectionOptions } from './connection-options.js'
import { Frame } from './frame.js'
import type { HubContext } from './context.js'

export interface Greeting {
  /** Null where only the store, which is away, could tell it: without an `id:` the reader keeps the one it had. */
  readonly position: Position | null
  readonly resumed: boolean
  readonly degraded: boolean
}

/** The first bytes of a stream (H1), its cursor as `id:` so that a stream cut at once resumes where it would have begun. */
export function helloFrames(
  context: HubContext,
  connectionId: string,
  options: ConnectionOptions,
  greeting: Greeting,
): readonly Frame[] {
  const cursor = greeting.position && formatCursor(greeting.position)
  const hello = {
    connectionId,
    ...(cursor !== null && { cursor }),
    resumed: greeting.resumed,
    topics: options.topics,
    ...(options.types && { types: options.types }),
    heartbeatMs: context.settings.heartbeatMs,
    protocol: defaults.protocolVersion,
    degraded: greeting.degraded,
  }
  return [
    // `retry:` is for native EventSource, which has no jitter of its own.
    Frame.ofControl('hello', hello, { ...(cursor !== null && { id: cursor }), retryMs: context.returns.retryMs() }),
    nudge,
  ]
}

/** Some virus scanners hold each event until the next byte comes. */
const nudge = Frame.ofBlock({ comment: '' })

/** The last bytes of a stream, its `retry:` for native EventSource (H3). */
export function byeFrame(reason: CloseReason, retryAfterMs: number, reconnect: boolean): Frame {
  return Frame.ofControl('bye', { reason, retryAfterMs, reconnect }, { retryMs: retryAfterMs })
}
