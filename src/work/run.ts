import { TidingsError } from '../errors.js'
import { type Job, type JobAction, isEnded } from '../protocol/job.js'
import { safeError } from './failure.js'
import { Handle, type JobHandle, type LostReason } from './handle.js'
import type { JobsPort, WorkParts } from './port.js'

export type JobFunction = (job: JobHandle, signal: AbortSignal) => unknown

/**
 * Starts the job, runs `work` and ends the job by how it went: returned → `completed` with what it returned, thrown →
 * `failed` with a safe message (J6). `signal` fires when there is nothing left to do for it: it was cancelled or ended
 * elsewhere, or its lease is lost. Resolves to the job as it is afterwards; also for a job that had ended before, where
 * `work` is not called. Rejects only where the hub cannot be reached or does not know the job.
 */
export async function runJob(port: JobsPort, parts: WorkParts, id: string, work: JobFunction): Promise<Job> {
  const handle = new Handle(port, parts, id)
  const started = await handle.ask({ action: 'start' })
  if (!started.accepted) return started.job
  const abort = new AbortController()
  const lost = (reason: LostReason): void => {
    if (!abort.signal.aborted) abort.abort(whyLost(reason))
  }
  handle.whenLost(lost)
  const unfollow = port.follow(id, (job) => {
    if (isEnded(job.status)) lost('ended')
    else if (job.attempt !== handle.attempt) lost('fenced')
  })
  try {
    const end = await outcome(
      () => work(handle, abort.signal),
      (error) => {
        if (!abort.signal.aborted) parts.onError(error)
      },
    )
    unfollow()
    return await endWith(handle, end, parts)
  } finally {
    unfollow()
    handle.close()
  }
}

async function outcome(work: () => unknown, failed: (error: unknown) => void): Promise<JobAction> {
  try {
    const result = await work()
    return { action: 'complete', ...(result !== undefined && { result }) }
  } catch (error) {
    failed(error)
    return { action: 'fail', error: safeError(error) }
  }
}

async function endWith(handle: Handle, end: JobAction, parts: WorkParts): Promise<Job> {
  try {
    return (await handle.ask(end)).job
  } catch (error) {
    // A result that cannot be kept (too large, no JSON) is a failure of the job, and the only way to end it.
    if (end.action !== 'complete' || !(error instanceof TidingsError) || error.code !== 'job_invalid') throw error
    parts.onError(error)
    return (await handle.ask({ action: 'fail', error: safeError(error) })).job
  }
}

function whyLost(reason: LostReason): TidingsError {
  if (reason === 'fenced')
    return new TidingsError('job_fenced', 'Another attempt of this job has begun; this one counts no more.')
  if (reason === 'gone') return new TidingsError('not_found', 'The job is gone.')
  return new TidingsError('job_ended', 'The job has ended: it was cancelled, or somebody else ended it.')
}
