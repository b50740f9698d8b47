import { wait } from '../clock.js'
import { TidingsError } from '../errors.js'
import { type Job, type JobAction, isEnded } from '../protocol/job.js'
import { onClosing } from './closing.js'
import { safeError } from './failure.js'
import { Handle, type JobHandle, type LostReason } from './handle.js'
import type { JobsPort, WorkParts } from './port.js'

export type JobFunction = (job: JobHandle, signal: AbortSignal) => unknown

export interface RunOptions {
  /**
   * What to do when the function threw and the job has attempts left. `all` (default): call it again here, after a pause of
   * up to 1 s, 2 s, 4 s … 30 s, unless somebody else has begun the attempt meanwhile. `one`: return the job, queued again,
   * because a queue of your own decides who works on it next.
   */
  readonly attempts?: 'all' | 'one'
  /** When it fires no further attempt is begun here: the job is returned, queued again. The one that runs goes on. */
  readonly stop?: AbortSignal
}

/** Between an attempt and the next: full jitter, so that jobs that failed together do not come back together. */
const pauseMs = { from: 1_000, to: 30_000 } as const

/**
 * Starts the job, runs `work` and ends the attempt by how it went: returned → `completed` with what it returned, thrown →
 * `failed` with a safe message, or queued for the next attempt, which this call then runs too (J6, {@link RunOptions}).
 * `signal` fires when there is nothing left to do for the attempt: the job was cancelled or ended elsewhere, or the lease
 * was lost and another attempt counts. Resolves to the job as it is afterwards: ended; or queued or running where the
 * attempt was lost, since then it is somebody else's; also for a job that had ended before, where `work` is not called.
 * Rejects only where the hub cannot be reached for very long or does not know the job.
 */
export async function runJob(
  port: JobsPort,
  parts: WorkParts,
  id: string,
  work: JobFunction,
  { attempts = 'all', stop }: RunOptions = {},
): Promise<Job> {
  if (attempts !== 'all' && attempts !== 'one')
    throw new TidingsError('option_invalid', '"attempts" must be "all" or "one".', { field: 'attempts' })
  if (stop !== undefined && !(stop instanceof AbortSignal))
    throw new TidingsError('option_invalid', '"stop" must be an AbortSignal.', { field: 'stop' })
  for (let attempt: number | undefined; ; ) {
    const { job, ownFailure } = await runAttempt(port, parts, id, work, attempt)
    if (attempts === 'one' || !ownFailure || job.status !== 'queued' || stop?.aborted) return job
    const next = await nextAttempt(port, parts, job, stop)
    if (next.status !== 'queued' || next.attempt !== job.attempt || stop?.aborted) return next
    attempt = job.attempt
  }
}

interface Attempted {
  readonly job: Job
  /** The attempt ended because `work` threw here. */
  readonly ownFailure: boolean
}

async function runAttempt(
  port: JobsPort,
  parts: WorkParts,
  id: string,
  work: JobFunction,
  attempt: number | undefined,
): Promise<Attempted> {
  const handle = new Handle(port, parts, id, attempt)
  let started = await handle.ask({ action: 'start' })
  // The answer is about an attempt that was over when it came (see Handle): begin the one that is due.
  while (started.accepted && started.job.status === 'queued' && handle.attempt === undefined)
    started = await handle.ask({ action: 'start' })
  const { job: begun, accepted } = started
  if (!accepted || begun.status !== 'running' || begun.attempt !== handle.attempt)
    return { job: begun, ownFailure: false }
  const abort = new AbortController()
  const lost = (reason: LostReason): void => {
    if (!abort.signal.aborted) abort.abort(whyLost(reason))
  }
  handle.whenLost(lost)
  const unfollow = port.follow(id, (job) => {
    // A stream may begin with what was told of an attempt before.
    if (job.version < begun.version) return
    if (isEnded(job.status)) lost('ended')
    else if (job.attempt > begun.attempt) lost('fenced')
  })
  try {
    const end = await outcome(
      () => work(handle, abort.signal),
      (error) => {
        if (!abort.signal.aborted) parts.onError(error)
      },
    )
    unfollow()
    const { job, accepted, action } = await endWith(handle, end, parts)
    return { job, ownFailure: accepted && action === 'fail' }
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

async function endWith(handle: Handle, end: JobAction, parts: WorkParts) {
  try {
    return { ...(await handle.ask(end)), action: end.action }
  } catch (error) {
    // A result that cannot be kept (too large, no JSON) is a failure of the job, and the only way to end it.
    if (end.action !== 'complete' || !(error instanceof TidingsError) || error.code !== 'job_invalid') throw error
    parts.onError(error)
    return { ...(await handle.ask({ action: 'fail', error: safeError(error) })), action: 'fail' as const }
  }
}

/** The job after the pause, or at once when somebody has begun or ended it. */
async function nextAttempt(port: JobsPort, parts: WorkParts, queued: Job, stop?: AbortSignal): Promise<Job> {
  const { clock, random, closing } = parts
  const boundMs = Math.min(pauseMs.to, pauseMs.from * 2 ** Math.min(queued.attempt - 2, 20))
  const taken = new AbortController()
  const undo = onClosing(closing, () => taken.abort())
  const undoStop = stop && onClosing(stop, () => taken.abort())
  let latest = queued
  const unfollow = port.follow(queued.id, (job) => {
    if (job.version < latest.version) return
    latest = job
    if (job.status !== 'queued' || job.attempt !== queued.attempt) taken.abort()
  })
  await wait(clock, Math.ceil(random.fraction() * boundMs), taken.signal, { keepsProcess: true })
  unfollow()
  undo()
  undoStop?.()
  return latest
}

function whyLost(reason: LostReason): TidingsError {
  if (reason === 'fenced')
    return new TidingsError('job_fenced', 'Another attempt of this job has begun; this one counts no more.')
  if (reason === 'gone') return new TidingsError('not_found', 'The job is gone.')
  return new TidingsError('job_ended', 'The job has ended: it was cancelled, or somebody else ended it.')
}
