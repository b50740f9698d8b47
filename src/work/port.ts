import type { Clock } from '../clock.js'
import type { MakeId } from '../ids.js'
import type { Job, JobAnswer, JobCommand, JobPage, JobStatus, NewJob } from '../protocol/job.js'

export interface JobQuery {
  /** `user:<id>`. */
  readonly owner?: string | undefined
  readonly status?: JobStatus | undefined
  /** `next` of the page before. */
  readonly after?: string | undefined
  /** 1–1,000; default 100. */
  readonly limit?: number | undefined
}

/** How commands reach a job: in this process, or over HTTP. Whoever fills it sends a command again only with its id. */
export interface JobsPort {
  create(newJob: NewJob & { readonly id: string }): Promise<{ readonly job: Job; readonly token?: string }>
  command(jobId: string, command: JobCommand): Promise<JobAnswer>
  snapshot(jobId: string): Promise<Job | null>
  list(query: JobQuery): Promise<JobPage>
  /** Calls back with the job as it is, then with each newer version, until the returned function is called. */
  follow(jobId: string, changed: (job: Job) => void): () => void
}

export interface WorkParts {
  readonly clock: Clock
  readonly makeId: MakeId
  /** Failures that nobody waits for: an increment that was not awaited, a renewal, a job function that threw. */
  readonly onError: (error: unknown) => void
}
