import { TidingsError } from '../../errors.js'
import type { HubCore } from '../../hub/hub.js'
import { defaults } from '../../protocol/defaults.js'
import { checkJobError, checkOwner, checkUpdate, jobLimits } from '../../protocol/job-input.js'
import type { JobError } from '../../protocol/job.js'
import { checkId } from '../../protocol/topic.js'
import type { Jobs } from '../../work/jobs.js'
import { type Shown, cut, progressShown } from './progress.js'
import { type BullJob, type BullQueue, type BullQueueEvents, prefixOf } from './queue.js'

export interface BullMQOptions {
  /** The hub whose jobs they become. Close the bridge before it. */
  readonly hub: {
    jobsOf(namespace: string): Jobs
    readonly internals: { readonly core: HubCore }
  }
  /** The queue whose events they are. The bridge reads it and changes nothing; it stays yours to close. */
  readonly queue: BullQueue
  /**
   * Whose job it is: a user's id, from the job's data. Null: it is nobody's and is left out. One that throws leaves the job
   * out too, and `onError` hears of it.
   */
  readonly owner: (job: BullJob) => string | null | Promise<string | null>
  /** Default `default`. */
  readonly namespace?: string
  /** Default `<queue's name>/<job's name>`. */
  readonly kind?: (job: BullJob) => string
  /** What of the job's data readers may see, as `meta.data`: any JSON. Default: nothing. */
  readonly meta?: (job: BullJob) => unknown
  /**
   * What the value of `job.updateProgress(value)` says. Default {@link progressShown}. Of a value for which it throws, or makes
   * what no job takes, nothing is shown, and `onError` hears of it.
   */
  readonly progress?: (value: unknown) => Shown
  /**
   * What people may know of a failure. Default: "The job failed.", because messages hold paths, addresses and secrets (J6). Also
   * said where it throws, or makes what is no error of a job; `onError` hears of it.
   */
  readonly error?: (failedReason: string) => JobError
  /** Whether lines of `job.log()` are copied. Default true. */
  readonly logs?: boolean
  /**
   * The lease of a running job, 10 s to 24 h: BullMQ tells when a worker is gone, so it only ends jobs that no node has heard of
   * for this long. Renewed every third while the queue still has the job. Default 1 h.
   */
  readonly leaseMs?: number
  /** A job that waits longer in the queue, beside its delay, fails with `expired`. Default 7 days. */
  readonly startWithinMs?: number
  /** How long a job is kept after its end; older ones are not taken from the queue either. Default 24 h. */
  readonly ttlMs?: number
  /** Between looks for new log lines of active jobs and for jobs that vanished. Default 2,000. */
  readonly lookMs?: number
  /** Failures that no caller hears of. Default: the hub's. */
  readonly onError?: (error: unknown) => void
}

/** Options with every default filled in, and the application's functions behind checks. */
export interface BullMQSettings {
  readonly core: HubCore
  readonly jobs: Jobs
  readonly events: BullQueueEvents
  readonly queue: BullQueue
  /** Of the queue's keys: two queues of one name are told apart by it. */
  readonly prefix: string
  readonly namespace: string
  readonly logs: boolean
  readonly leaseMs: number
  readonly startWithinMs: number
  readonly ttlMs: number
  readonly lookMs: number
  onError(error: unknown): void
  /** `user:<id>`, or null. */
  ownerOf(job: BullJob): Promise<string | null>
  kindOf(job: BullJob): string
  metaOf(job: BullJob): unknown
  /** Never throws, as the next. */
  shownOf(progress: unknown): Shown
  errorOf(failedReason: string): JobError
}

const names = [
  'hub',
  'queue',
  'owner',
  'namespace',
  'kind',
  'meta',
  'progress',
  'error',
  'logs',
  'leaseMs',
  'startWithinMs',
  'ttlMs',
  'lookMs',
  'onError',
]
const longMs = jobLimits.durationMs.to
const dayMs = 24 * 3_600_000

/** Throws `option_invalid` naming the option. */
export function resolveBullMQ(events: BullQueueEvents, options: BullMQOptions): BullMQSettings {
  for (const name of Object.keys(options ?? {})) if (!names.includes(name)) throw invalid(name, 'is unknown')
  const { hub, queue, owner, logs = true } = options
  if (typeof events?.getBackend !== 'function')
    throw invalid('queueEvents', "must be BullMQ's QueueEvents (6 or later)")
  if ((events as { running?: unknown }).running === true)
    throw invalid('queueEvents', 'must be made with "autorun: false": the bridge reads it itself')
  if (typeof hub?.jobsOf !== 'function') throw invalid('hub', 'must be a hub')
  if (typeof queue?.getJob !== 'function') throw invalid('queue', "must be BullMQ's Queue")
  const prefix = prefixOf(queue)
  if (queue.name !== events.name || prefix !== prefixOf(events))
    throw invalid('queue', 'must have the name and the prefix of the queueEvents')
  if (typeof owner !== 'function') throw invalid('owner', 'must be a function of the job')
  if (typeof logs !== 'boolean') throw invalid('logs', 'must be true or false')
  for (const name of ['kind', 'meta', 'progress', 'error', 'onError'] as const) {
    if (options[name] !== undefined && typeof options[name] !== 'function') throw invalid(name, 'must be a function')
  }
  const namespace = checkId(options.namespace ?? defaults.namespace, 'namespace')
  const { core } = hub.internals
  const onError = options.onError ?? ((error: unknown) => core.onError(error, 'bullmq'))
  // What the application's own function made must not spoil the copying of what follows, least of all of an end.
  const orElse = <Made>(words: Made, make: () => Made): Made => {
    try {
      return make()
    } catch (error) {
      onError(error)
      return words
    }
  }
  const duration = (
    name: 'leaseMs' | 'startWithinMs' | 'ttlMs' | 'lookMs',
    preset: number,
    from: number,
    to: number,
  ) => {
    const ms = options[name] ?? preset
    if (!Number.isSafeInteger(ms) || ms < from || ms > to) throw invalid(name, `must be ${from}–${to} ms`)
    return ms
  }
  return {
    core,
    jobs: hub.jobsOf(namespace),
    events,
    queue,
    prefix,
    namespace,
    logs,
    leaseMs: duration('leaseMs', 3_600_000, 10_000, jobLimits.leaseMs.to),
    startWithinMs: duration('startWithinMs', 7 * dayMs, 1_000, longMs),
    ttlMs: duration('ttlMs', defaults.jobKeepMs, 1, longMs),
    lookMs: duration('lookMs', 2_000, 50, 60_000),
    onError,
    async ownerOf(job) {
      const user = await owner(job)
      return user === null || user === undefined ? null : checkOwner(`user:${user}`)
    },
    kindOf: (job) => (options.kind?.(job) ?? `${queue.name}/${job.name}`).slice(0, jobLimits.kindCharacters),
    metaOf: (job) => options.meta?.(job),
    shownOf: (progress) =>
      orElse({}, () => {
        const shown = (options.progress ?? progressShown)(progress)
        const { counters, ...set } = shown
        checkUpdate({ ...(counters && { increment: counters }), set })
        return shown
      }),
    errorOf: (failedReason) =>
      orElse(anyFailure, () => {
        if (!options.error) return anyFailure
        const error = options.error(failedReason)
        return checkJobError({ ...error, message: cut(String(error.message)) })
      }),
  }
}

const anyFailure: JobError = { code: 'failed', message: 'The job failed.', retryable: false }

function invalid(field: string, what: string): TidingsError {
  return new TidingsError('option_invalid', `"${field}" ${what}.`, { field })
}
