import { TidingsError } from '../errors.js'
import { type Problem, mediaTypes } from '../protocol/names.js'
import type { Answer } from './answer.js'

const titles: Partial<Record<number, string>> = {
  400: 'Bad request',
  401: 'Not signed in',
  403: 'Forbidden',
  404: 'Not found',
  405: 'Method not allowed',
  406: 'Not acceptable',
  408: 'Request time-out',
  409: 'Conflict',
  413: 'Too large',
  415: 'Unsupported media type',
  422: 'Unprocessable',
  429: 'Too many requests',
  431: 'Head too large',
  503: 'Unavailable',
  507: 'Out of room',
}

/** Who wrote a megabyte where a name belongs knows it, and neither the answer nor a log needs it again. */
const longestField = 200
const longestDetail = 2_000

/** The name of a field as it is told and kept: it may be one that the sender made up, for the terminal of who reads the log. */
export const shownField = (field: string | undefined): string | undefined =>
  field && shortened(field, longestField).replace(/\p{C}/gu, '\ufffd')

const shortened = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most)}…` : text)

/**
 * The problem document of any error (RFC 9457). What is not a {@link TidingsError} is a fault of ours: it becomes a 500
 * without details, and the details go to `onError`.
 */
export function problemAnswer(error: unknown, onError: (error: unknown, stage: string) => void): Answer {
  const known = error instanceof TidingsError ? error : null
  if (!known || known.status === 500) onError(error, 'request')
  const shown =
    known && known.status !== 500
      ? known
      : new TidingsError('internal', 'Something went wrong on our side. The log of the hub has the details.')
  const problem: Problem = {
    type: 'about:blank',
    title: titles[shown.status] ?? 'Error',
    status: shown.status,
    code: shown.code,
    detail: shortened(shown.message, longestDetail),
    ...(shown.field !== undefined && { field: shownField(shown.field) as string }),
    ...(shown.topics !== undefined && { topics: shown.topics }),
    ...(shown.limit !== undefined && { limit: shown.limit }),
    ...(shown.retryAfterMs !== undefined && { retryAfterMs: shown.retryAfterMs }),
  }
  const headers: Record<string, string> = { 'Content-Type': mediaTypes.problem, 'Cache-Control': 'no-store' }
  if (shown.retryAfterMs !== undefined)
    headers['Retry-After'] = String(Math.max(1, Math.ceil(shown.retryAfterMs / 1000)))
  else if (shown.status === 503) headers['Retry-After'] = '1'
  if (shown.status === 401) headers['WWW-Authenticate'] = 'Bearer'
  return { status: shown.status, headers, body: JSON.stringify(problem) }
}
