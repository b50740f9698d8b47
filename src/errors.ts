/**
 * Every failure that Tidings reports, on the wire (RFC 9457) and in process, has one of these stable codes.
 * `status` is the HTTP status it travels with; `retryable` says whether the same request may succeed later.
 */
const codes = {
  topic_invalid: { status: 400, retryable: false },
  pattern_invalid: { status: 400, retryable: false },
  cursor_invalid: { status: 400, retryable: false },
  type_invalid: { status: 400, retryable: false },
  type_reserved: { status: 400, retryable: false },
  topic_reserved: { status: 400, retryable: false },
  id_invalid: { status: 400, retryable: false },
  event_invalid: { status: 400, retryable: false },
  query_invalid: { status: 400, retryable: false },
  request_invalid: { status: 400, retryable: false },
  request_timeout: { status: 408, retryable: true },
  headers_too_large: { status: 431, retryable: false },
  body_invalid: { status: 400, retryable: false },
  job_invalid: { status: 400, retryable: false },
  body_too_large: { status: 413, retryable: false },
  data_too_large: { status: 413, retryable: false },
  content_type_invalid: { status: 415, retryable: false },
  not_acceptable: { status: 406, retryable: false },
  unauthorized: { status: 401, retryable: false },
  forbidden: { status: 403, retryable: false },
  origin_forbidden: { status: 403, retryable: false },
  not_found: { status: 404, retryable: false },
  method_not_allowed: { status: 405, retryable: false },
  id_reused: { status: 422, retryable: false },
  job_active: { status: 409, retryable: false },
  job_ended: { status: 409, retryable: false },
  job_fenced: { status: 409, retryable: false },
  rate_limited: { status: 429, retryable: true },
  quota: { status: 507, retryable: true },
  identity_unavailable: { status: 503, retryable: true },
  draining: { status: 503, retryable: true },
  store_unavailable: { status: 503, retryable: true },
  conflict: { status: 503, retryable: true },
  indeterminate: { status: 503, retryable: true },
  store_full: { status: 507, retryable: true },
  store_read_only: { status: 503, retryable: true },
  store_newer: { status: 500, retryable: false },
  store_locked: { status: 500, retryable: false },
  store_corrupt: { status: 500, retryable: false },
  option_invalid: { status: 500, retryable: false },
  closed: { status: 503, retryable: false },
  connection: { status: 502, retryable: true },
  timeout: { status: 504, retryable: true },
  handler: { status: 500, retryable: false },
  internal: { status: 500, retryable: false },
} as const

export type ErrorCode = keyof typeof codes

export interface ErrorDetails {
  /** The input at fault, as the caller wrote it: `topic`, `since`, `options.heartbeatMs`, `[3].data`. */
  readonly field?: string | undefined
  /** The topics that were refused (403). */
  readonly topics?: readonly string[] | undefined
  /** The limit that was reached (429), as it is named in the settings: `connections.session`. */
  readonly limit?: string | undefined
  /** When trying again makes sense, in ms from now. */
  readonly retryAfterMs?: number | undefined
  readonly cause?: unknown
}

/** The one error class. Its message says what is wrong and what to do; `code` is what programs compare. */
export class TidingsError extends Error {
  override readonly name = 'TidingsError'
  readonly code: ErrorCode
  readonly status: number
  readonly retryable: boolean
  readonly field?: string
  readonly topics?: readonly string[]
  readonly limit?: string
  readonly retryAfterMs?: number

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.status = codes[code].status
    this.retryable = codes[code].retryable
    if (details.field !== undefined) this.field = details.field
    if (details.topics !== undefined) this.topics = details.topics
    if (details.limit !== undefined) this.limit = details.limit
    if (details.retryAfterMs !== undefined) this.retryAfterMs = details.retryAfterMs
  }

  override toString(): string {
    return `TidingsError [${this.code}]: ${this.message}`
  }
}

/** The HTTP status that a code travels with. */
export const statusOf = (code: ErrorCode): number => codes[code].status

/** Whether a word read from the wire is a code this version knows. */
export function isErrorCode(word: unknown): word is ErrorCode {
  return typeof word === 'string' && Object.hasOwn(codes, word)
}
