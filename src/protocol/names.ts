// What the client writes is named apart from the tables, so that a bundler can leave the rest of them out.
export const streamType = 'text/event-stream'
export const problemType = 'application/problem+json'
export const lastEventIdHeader = 'Last-Event-ID'
export const eventsPath = '/events'

/** Words of the HTTP interface that both sides write. */
export const mediaTypes = {
  stream: streamType,
  json: 'application/json',
  problem: problemType,
} as const

export const headers = {
  connectionId: 'Tidings-Connection-Id',
  lastEventId: lastEventIdHeader,
} as const

export const paths = {
  events: eventsPath,
  jobs: '/jobs',
  job: (id: string) => `/jobs/${encodeURIComponent(id)}`,
  jobAction: (id: string, action: string) => `/jobs/${encodeURIComponent(id)}/${action}`,
  topic: (topic: string) => `/topics/${encodeURIComponent(topic)}`,
  health: '/health',
  ready: '/ready',
  stats: '/stats',
} as const

/** The body of every refusal (RFC 9457). */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: string
  readonly detail: string
  readonly field?: string
  readonly topics?: readonly string[]
  /** Which limit was reached (429). */
  readonly limit?: string
  readonly retryAfterMs?: number
}
