import type { MakeId } from '../ids.js'
import type { Job, JobAction, JobAnswer, JobCommand, JobPage, JobStatus, NewJob } from '../protocol/job.js'
import type { RepeatParts } from './repeat.js'

export interface JobQuery {
  /** `user:<id>`. */
  readonly owner?: string | undefined
  readonly status?: JobStatus | undefined
  /** `next` of the page before. */
  readonly after?: string | undefined
  /** 1–1,000; default 100. */
  readonly limit?: number | undefined
}

/** A job that was made, with the token that opens it where one is minted. */
export interface MadeJob {
  readonly job: Job
  readonly token?: string
}

export interface CommandLimits {
  /** A try that has no answer after this is given up; default 20 s. In one process answers do not get lost. */
  readonly tryMs?: number
}

/** How commands reach a job: in this process, or over HTTP. Each call is one try; {@link untilAnswered} makes the next. */
export interface JobsPort {
  /**
   * Whether the hub is in another process. Answers get lost on the way then, so that whatever is asked is asked again. In one
   * process only what a worker says is: whoever serves a page wants to know at once that the store is away (S5).
   */
  readonly remote: boolean
  create(newJob: NewJob & { readonly id: string }): Promise<MadeJob>
  /** Makes a new job of an ended one; `id` is the new job's. */
  retry(jobId: string, id: string): Promise<MadeJob>
  command(jobId: string, command: JobCommand, limits?: CommandLimits): Promise<JobAnswer>
  snapshot(jobId: string): Promise<Job | null>
  list(query: JobQuery): Promise<JobPage>
  /** Calls back with the job as it is, then with each newer version, until the returned function is called. */
  follow(jobId: string, changed: (job: Job) => void): () => void
}

export interface WorkParts extends RepeatParts {
  readonly makeId: MakeId
  /** Throws `job_invalid` for a command that does not fit what is declared of the job's kind. */
  readonly check?: (action: JobAction) => void
  /** Failures that nobody waits for: an increment that was not awaited, a renewal, a job function that threw. */
  readonly onError: (error: unknown) => void
}
