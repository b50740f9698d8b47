import type { HubEvent } from './event.js'

export const jobStatuses = ['queued', 'running', 'completed', 'failed', 'cancelled'] as const

/** A job as the hub tells of it (PROTOCOL.md P10). */
export interface Job {
  readonly id: string
  readonly kind: string
  readonly owner: string
  readonly status: (typeof jobStatuses)[number]
  readonly counters: Readonly<Record<string, number>>
  readonly total: number | null
  readonly percent: number | null
  readonly stage: string | null
  readonly message: string | null
  readonly current: unknown
  readonly meta?: unknown
  readonly parent?: string
  readonly attempt: number
  readonly attempts: number
  readonly version: number
  readonly createdAt: number
  readonly startedAt: number | null
  readonly endedAt: number | null
  readonly result?: unknown
  readonly error?: { readonly code: string; readonly message: string; readonly retryable: boolean }
  readonly retryOf?: string
}

export interface JobLogLine {
  readonly at: number
  readonly level: string
  readonly message: string
  readonly data?: unknown
}

export const hasEnded = ({ status }: Job): boolean => status !== 'queued' && status !== 'running'

/** The job after an event of it; null where the event tells no state. */
export function jobOf({ type, data }: HubEvent): Job | null {
  if (!type.startsWith('job.') || type === 'job.log') return null
  const job = data as Partial<Job> | null
  return typeof job?.id === 'string' && typeof job.version === 'number' ? (job as Job) : null
}

/** Of two states of one job the later. */
export const laterOf = (one: Job, other: Job | undefined): Job => (other && other.version > one.version ? other : one)
