/** What kind of trouble a reader has, and with it what happens next (spec C5). */
export type ErrorKind =
  /** No answer, or an answer cut short: tried again with growing pauses. */
  | 'connection'
  /** Not signed in or not allowed: the token is refreshed once, then the client stops until `connect()`. */
  | 'authentication'
  /** Too much at once: tried again when the hub says. */
  | 'rate_limit'
  /** The hub is in trouble or ended the stream: tried again, unless it said not to. */
  | 'server'
  /** Silence for too long: tried again. */
  | 'timeout'
  /** The hub does not understand the request: stops until the subscriptions change. */
  | 'validation'
  /** A handler of the application threw: nothing stops. */
  | 'client'

export interface ClientErrorDetails {
  readonly code?: string | undefined
  readonly topics?: readonly string[] | undefined
  readonly cause?: unknown
}

/**
 * Every error that a client reports: `kind` says what becomes of it, `code` what was wrong. It reads like a TidingsError but
 * is none, because that class carries the table of all codes: a twentieth of what the whole client may weigh (C9).
 */
export class ClientError extends Error {
  override readonly name = 'TidingsError'
  declare readonly kind: ErrorKind
  /** The hub's own code where it gave one (`ErrorCode`, or a word of a newer hub), else the kind. */
  declare readonly code: string
  /** The topics that were refused. */
  declare readonly topics: readonly string[]

  constructor(kind: ErrorKind, message: string, { code = kind, topics = [], cause }: ClientErrorDetails = {}) {
    super(message, { cause })
    this.kind = kind
    this.code = code
    this.topics = topics
  }
}
