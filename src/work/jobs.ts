import type { Job, JobPage, NewJob } from '../protocol/job.js'
import { Handle, type JobHandle } from './handle.js'
import type { JobQuery, JobsPort, WorkParts } from './port.js'
import { type JobFunction, runJob } from './run.js'

/** Jobs as application code uses them: the same in the hub's process (`hub.jobs`) and over HTTP (`connectJobs`, J11). */
export interface Jobs {
  /** J1. The token, where one is made, lets a page watch exactly this job (A4). Rejects with `job_invalid` naming the field. */
  create(newJob: NewJob): Promise<{ readonly job: JobHandle; readonly token?: string }>
  /** A handle on a job that exists; nothing is sent. `attempt` fences it (J6); default: the attempt at its first command. */
  open(id: string, options?: { readonly attempt?: number }): JobHandle
  /** See {@link runJob}. */
  run(id: string, work: JobFunction): Promise<Job>
  /** False: it had ended. Rejects with `not_found`. */
  cancel(id: string): Promise<boolean>
  snapshot(id: string): Promise<Job | null>
  list(query?: JobQuery): Promise<JobPage>
}

export function createJobsFace(port: JobsPort, parts: WorkParts): Jobs {
  return {
    async create(newJob) {
      const { job, token } = await port.create({ ...newJob, id: newJob.id ?? parts.makeId() })
      return { job: new Handle(port, parts, job.id), ...(token !== undefined && { token }) }
    },
    open: (id, { attempt } = {}) => new Handle(port, parts, id, attempt),
    run: (id, work) => runJob(port, parts, id, work),
    cancel: (id) => new Handle(port, parts, id).cancel(),
    snapshot: (id) => port.snapshot(id),
    list: (query = {}) => port.list(query),
  }
}
