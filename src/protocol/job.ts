/** The shape of a job on the wire, and the commands it takes (spec §6). The rules are in `jobs/job.ts`. */

export const jobStatuses = ['queued', 'running', 'completed', 'failed', 'cancelled'] as const
export type JobStatus = (typeof jobStatuses)[number]

export interface JobError {
  readonly code: string
  /** Safe to show: never a stack, never a secret. */
  readonly message: string
  readonly retryable: boolean
}

/** Whole numbers ≥ 0 that only rise within an attempt. These four are known; others are free. */
export interface Counters {
  readonly discovered?: number
  readonly processed?: number
  readonly failed?: number
  readonly skipped?: number
  readonly [name: string]: number | undefined
}

export interface Job {
  readonly id: string
  readonly kind: string
  /** `user:<id>`. */
  readonly owner: string
  readonly status: JobStatus
  readonly counters: Readonly<Record<string, number>>
  /** The larger of what was set and `discovered`; null while neither is known. */
  readonly total: number | null
  /** 0–100, whole, never falls within an attempt; null without a total. */
  readonly percent: number | null
  readonly stage: string | null
  readonly message: string | null
  /** What is being worked on right now: any JSON up to 4 KiB. */
  readonly current: unknown
  readonly meta?: unknown
  /** The id of the job whose group this one is in (J9). */
  readonly parent?: string
  /** 1 at first; one more each time a failure or a stall is not the end (J6). */
  readonly attempt: number
  readonly attempts: number
  /** Rises with every change that readers can see. Ignore a job whose version is not above the one you have. */
  readonly version: number
  /** From where to stream on without a gap. In an event it is left out: the event's own cursor is meant. */
  readonly cursor?: string
  /** Unix ms of the store's clock. */
  readonly createdAt: number
  readonly startedAt: number | null
  readonly endedAt: number | null
  readonly result?: unknown
  /** Why it failed; of a job that is queued again, why the attempt before did. */
  readonly error?: JobError
  /** The id of the ended job that this one runs again. */
  readonly retryOf?: string
}

export interface JobLogLine {
  readonly at: number
  readonly level: LogLevel
  readonly message: string
  readonly data?: unknown
}
export const logLevels = ['debug', 'info', 'warning', 'error'] as const
export type LogLevel = (typeof logLevels)[number]

/** `data` of a `job.log` event. */
export interface JobLog {
  readonly id: string
  readonly version: number
  readonly lines: readonly JobLogLine[]
}

export const jobEventTypes = {
  created: 'job.created',
  started: 'job.started',
  progress: 'job.progress',
  log: 'job.log',
  retrying: 'job.retrying',
  completed: 'job.completed',
  failed: 'job.failed',
  cancelled: 'job.cancelled',
} as const

const terminalTypes: ReadonlySet<string> = new Set([
  jobEventTypes.completed,
  jobEventTypes.failed,
  jobEventTypes.cancelled,
])
/** Whether an event of this type is a job's one end. */
export const isTerminalType = (type: string): boolean => terminalTypes.has(type)

/** Whether a job in this status is final, for ever. */
export const isEnded = (status: JobStatus): boolean => status !== 'queued' && status !== 'running'

/** What `POST /jobs` takes. */
export interface NewJob {
  /** Also the command's id: the same id with the same content creates once. Made if absent. */
  readonly id?: string
  readonly owner: string
  readonly kind: string
  readonly total?: number
  readonly counters?: Counters
  /** Any JSON; the job carries it unchanged. */
  readonly meta?: unknown
  /** How often it may be begun: a failure or stall with attempts left queues it again (J6). 1–100, default 1. */
  readonly attempts?: number
  /**
   * The id of a job of the same owner that has not ended: it sums its children's counters and totals (J9). At most 1,000
   * children, four levels.
   */
  readonly parent?: string
  /** Most progress events a second of this job (J5). 1–100, default 10 or what the hub is set to. */
  readonly eventsPerSecond?: number
  /** The lease of a running attempt; default 30 s. */
  readonly leaseMs?: number
  /** A job not started within this fails with `expired`; default 24 h. */
  readonly startWithinMs?: number
  /** How long the job is kept after its end; default 24 h. */
  readonly ttlMs?: number
}

/** What `POST /jobs/{id}/retry` takes. */
export interface RetryJob {
  /** The id of the new job, and of the command: the same id again gets the same job. Made if absent. */
  readonly id?: string
}

/** What `PATCH /jobs/{id}` changes, all in one step. */
export interface JobUpdate {
  readonly increment?: Counters
  readonly set?: {
    readonly total?: number
    readonly stage?: string | null
    readonly message?: string | null
    readonly current?: unknown
  }
  readonly log?: readonly { readonly level: LogLevel; readonly message: string; readonly data?: unknown }[]
  /** Events of the application's own types on the job's topic, in the same step as the rest. */
  readonly publish?: readonly { readonly type: string; readonly data: unknown }[]
}

/** A command as it travels: `id` makes a repetition harmless, `attempt` fences a worker that lost its lease. */
export type JobCommand = { readonly id: string; readonly attempt?: number | undefined } & JobAction

export type JobAction =
  | { readonly action: 'start' }
  | { readonly action: 'renew' }
  | ({ readonly action: 'update' } & JobUpdate)
  | { readonly action: 'complete'; readonly result?: unknown }
  | { readonly action: 'fail'; readonly error: JobError }
  | { readonly action: 'cancel' }

export type RefusalReason = 'ended' | 'fenced'

/** The answer to a command. `job` is the state after it, or the one that refused it. */
export interface JobAnswer {
  readonly accepted: boolean
  readonly reason?: RefusalReason
  readonly job: Job
  /** The lease of the running attempt: renew about every third of it. Absent once the job has ended. */
  readonly leaseMs?: number
}

export interface JobPage {
  readonly jobs: readonly Job[]
  /** Taken before the list was read: stream from it and nothing is missed. */
  readonly cursor: string
  /** Give it as `after` to read on; absent at the end. */
  readonly next?: string
}
