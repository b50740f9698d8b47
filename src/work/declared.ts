import { TidingsError } from '../errors.js'
import type { CountersOf, DefinedJob, JobOf, NewJobOf, ResultOf } from '../protocol/declared-job.js'
import type { JobAction, JobUpdate, RetryJob } from '../protocol/job.js'
import type { CommandOptions, JobHandle } from './handle.js'
import type { JobQuery, JobsPort } from './port.js'
import type { RunOptions } from './run.js'

/** {@link JobHandle} of a job whose kind was declared with `defineJob`. */
export interface DeclaredHandle<Definition extends DefinedJob>
  extends Omit<JobHandle, 'increment' | 'update' | 'complete' | 'snapshot'> {
  increment(counters: CountersOf<Definition>, options?: CommandOptions): Promise<boolean>
  update(
    update: Omit<JobUpdate, 'increment'> & { readonly increment?: CountersOf<Definition> },
    options?: CommandOptions,
  ): Promise<boolean>
  /** Rejects with `job_invalid` naming the path where the result does not fit. */
  complete(
    ...result: undefined extends ResultOf<Definition> ? [result?: ResultOf<Definition>] : [result: ResultOf<Definition>]
  ): Promise<boolean>
  snapshot(): Promise<JobOf<Definition> | null>
}

/** The jobs of one kind, typed by its declaration. What the compiler cannot see is checked: counters, `meta`, the result. */
export interface DeclaredJobs<Definition extends DefinedJob> {
  /** Its counters begin at 0. */
  create(newJob: NewJobOf<Definition>): Promise<{ readonly job: DeclaredHandle<Definition>; readonly token?: string }>
  open(id: string, options?: { readonly attempt?: number }): DeclaredHandle<Definition>
  /**
   * As `jobs.run`. A returned result that does not fit fails the job. Rejects with `job_invalid`, before it begins, for a job
   * of another kind.
   */
  run(
    id: string,
    work: (
      job: DeclaredHandle<Definition>,
      signal: AbortSignal,
    ) => ResultOf<Definition> | Promise<ResultOf<Definition>>,
    options?: RunOptions,
  ): Promise<JobOf<Definition>>
  cancel(id: string): Promise<boolean>
  retry(id: string, options?: RetryJob): Promise<{ readonly job: DeclaredHandle<Definition>; readonly token?: string }>
  /** Rejects with `job_invalid` for a job of another kind. */
  snapshot(id: string): Promise<JobOf<Definition> | null>
  /** Only jobs of this kind; a page may hold fewer than `limit` and still have a `next`. */
  list(
    query?: JobQuery,
  ): Promise<{ readonly jobs: readonly JobOf<Definition>[]; readonly cursor: string; readonly next?: string }>
}

/** What a handle is about to say, held against the declaration of its kind. */
export function declaredCheck(definition: DefinedJob): (action: JobAction) => void {
  return (action) => {
    if (action.action === 'update' && action.increment) definition.checkCounters(action.increment)
    if (action.action === 'complete') definition.checkResult(action.result)
  }
}

/** The port for jobs of one kind only. */
export function declaredPort(port: JobsPort, definition: DefinedJob): JobsPort {
  const snapshot: JobsPort['snapshot'] = async (jobId) => {
    const job = await port.snapshot(jobId)
    if (!job || job.kind === definition.kind) return job
    throw new TidingsError('job_invalid', `The job ${jobId} is of the kind "${job.kind}", not "${definition.kind}".`, {
      field: 'kind',
    })
  }
  return {
    ...port,
    snapshot,
    create: async (newJob) => await port.create({ ...definition.newJob(newJob), id: newJob.id }),
    async command(jobId, command, limits) {
      if (command.action === 'start') await snapshot(jobId)
      return await port.command(jobId, command, limits)
    },
    async list(query) {
      const page = await port.list(query)
      return { ...page, jobs: page.jobs.filter(({ kind }) => kind === definition.kind) }
    },
  }
}
