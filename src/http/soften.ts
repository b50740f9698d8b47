import type { Incoming } from '../auth/incoming.js'
import { TidingsError } from '../errors.js'
import type { Bye } from '../protocol/control.js'
import { mediaTypes } from '../protocol/names.js'
import { encodeSse } from '../protocol/sse-encode.js'
import type { Answer } from './answer.js'

/**
 * A native EventSource gives up for good on any status but 200, also when it only reconnects. What is refused for a time is
 * told to it as a stream that ends at once (H7); null where the status can be told. Nobody else sends this `Accept` alone.
 */
export function softened(request: Incoming, error: unknown, retryMs: () => number): Answer | null {
  if (request.method !== 'GET' || request.header('Accept')?.trim().toLowerCase() !== mediaTypes.stream) return null
  if (!(error instanceof TidingsError) || !error.retryable || (error.status !== 429 && error.status !== 503))
    return null
  const retryAfterMs = Math.round(error.retryAfterMs ?? retryMs())
  const { code, limit } = error
  const bye: Bye = {
    reason: code === 'draining' ? 'shutdown' : 'refused',
    retryAfterMs,
    reconnect: true,
    code,
    ...(limit !== undefined && { limit }),
  }
  return {
    status: 200,
    headers: {
      'Content-Type': `${mediaTypes.stream}; charset=utf-8`,
      'Cache-Control': 'no-store, no-transform',
      'X-Accel-Buffering': 'no',
    },
    body: encodeSse({ event: 'bye', data: JSON.stringify(bye), retryMs: retryAfterMs }),
  }
}
