/** Words of the HTTP interface that both sides write. */
export const mediaTypes = {
  stream: 'text/event-stream',
  json: 'application/json',
  problem: 'application/problem+json',
} as const

export const headers = {
  connectionId: 'Tidings-Connection-Id',
  lastEventId: 'Last-Event-ID',
} as const

export const paths = {
  events: '/events',
  jobs: '/jobs',
  job: (id: string) => `/jobs/${encodeURIComponent(id)}`,
  jobAction: (id: string, action: string) => `/jobs/${encodeURIComponent(id)}/${action}`,
  topic: (topic: string) => `/topics/${encodeURIComponent(topic)}`,
  health: '/health',
  ready: '/ready',
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
  readonly retryAfterMs?: number
}
