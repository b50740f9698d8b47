import type { DefinedJob } from '../protocol/declared-job.js'
import type { Job, JobPage, NewJob, RetryJob } from '../protocol/job.js'
import { type DeclaredJobs, declaredCheck, declaredPort } from './declared.js'
import { Handle, type JobHandle } from './handle.js'
import type { JobQuery, JobsPort, MadeJob, WorkParts } from './port.js'
import { asked } from './repeat.js'
import { type JobFunction, type RunOptions, runJob } from './run.js'

/** Jobs as application code uses them: the same in the hub's process (`hub.jobs`) and over HTTP (`connectJobs`, J11). */
export interface Jobs {
  /** J1. The token, where one is made, lets a page watch exactly this job (A4). Rejects with `job_invalid` naming the field. */
  create(newJob: NewJob): Promise<OpenedJob>
  /** A handle on a job that exists; nothing is sent. `attempt` fences it (J6); default: the attempt at its first command. */
  open(id: string, options?: { readonly attempt?: number }): JobHandle
  /** See {@link runJob}. */
  run(id: string, work: JobFunction, options?: RunOptions): Promise<Job>
  /** False: it had ended. Rejects with `not_found`. */
  cancel(id: string): Promise<boolean>
  /** A new job that does again what an ended one was for, and names it in `retryOf` (J6). Rejects with `job_active`, `not_found`. */
  retry(id: string, options?: RetryJob): Promise<OpenedJob>
  snapshot(id: string): Promise<Job | null>
  list(query?: JobQuery): Promise<JobPage>
  /** The jobs of one kind, typed and checked by what `defineJob` was given. */
  of<Definition extends DefinedJob>(definition: Definition): DeclaredJobs<Definition>
}

export interface OpenedJob {
  readonly job: JobHandle
  readonly token?: string
}

/**
 * What a worker says through a handle is tried until it is answered, however long the store or the hub is away. All else
 * fails at once with a retryable error where the hub is in this process.
 */
export function createJobsFace(port: JobsPort, parts: WorkParts): Jobs {
  const ask = <Answer>(what: string, tryOnce: () => Promise<Answer>): Promise<Answer> =>
    asked(port.remote, parts, what, tryOnce)
  const opened = ({ job, token }: MadeJob): OpenedJob => ({
    job: new Handle(port, parts, job.id),
    ...(token !== undefined && { token }),
  })
  return {
    async create(newJob) {
      const named = { ...newJob, id: newJob.id ?? parts.makeId() }
      return opened(await ask('The creation of a job', () => port.create(named)))
    },
    open: (id, { attempt } = {}) => new Handle(port, parts, id, attempt),
    run: (id, work, options) => runJob(port, parts, id, work, options),
    async cancel(id) {
      const command = { id: parts.makeId(), action: 'cancel' } as const
      return (await ask('The cancel of a job', () => port.command(id, command))).accepted
    },
    async retry(id, options = {}) {
      const newId = options.id ?? parts.makeId()
      return opened(await ask('The retry of a job', () => port.retry(id, newId)))
    },
    snapshot: (id) => ask('The reading of a job', () => port.snapshot(id)),
    list: (query = {}) => ask('The list of jobs', () => port.list(query)),
    of: <Definition extends DefinedJob>(definition: Definition) => {
      const check = declaredCheck(definition)
      return createJobsFace(declaredPort(port, definition), { ...parts, check }) as unknown as DeclaredJobs<Definition>
    },
  }
}
