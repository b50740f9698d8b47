import type { Clock } from '../clock.js'
import { type Problem, problemType } from '../protocol/names.js'
import { clampRetryAfterMs } from './backoff.js'
import { ClientError, type ErrorKind } from './error.js'
import { mediaType } from './media-type.js'
import type { Failed } from './state.js'

/** What an answer means that is not what was asked for, as far as it says. */
export async function explain(
  refusal: Failed,
  answer: Response,
  { clock }: { readonly clock: Clock },
): Promise<Failed> {
  const { status, error } = refusal
  // Where it cannot be read, the status says enough. Other bodies are let go of with the request, when the stream is.
  const problem: Partial<Problem> = (mediaType(answer) === problemType && (await answer.json().catch(() => null))) || {}
  const { code, topics, detail = error.message, retryAfterMs } = problem
  return {
    ...refusal,
    error: new ClientError(kindOf(status), detail, { code, topics }),
    retryAfterMs: clampRetryAfterMs(retryAfterMs) || parseRetryAfter(answer.headers.get('Retry-After'), clock.now()),
  }
}

/** A 200 that is no stream comes from something before the hub, a captive portal say: worth another try. */
function kindOf(status: number): ErrorKind {
  if (status === 401 || status === 403) return 'authentication'
  if (status === 429) return 'rate_limit'
  if (status === 408) return 'timeout'
  if (status >= 500) return 'server'
  return status < 300 ? 'connection' : 'validation'
}

/** `Retry-After` as ms from `nowMs` (Unix ms): seconds or an HTTP date; 0 where it is absent, past or neither. */
export function parseRetryAfter(header: string | null, nowMs: number): number {
  return clampRetryAfterMs(Number(header) * 1_000 || Date.parse(header as string) - nowMs)
}
