import type { Job } from 'tidings'
import type { HubEvent } from './event.js'

export type { Job }

export const jobStatuses = ['queued', 'running', 'completed', 'failed', 'cancelled'] as const

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
