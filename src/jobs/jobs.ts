import type { Clock } from '../clock.js'
import { TidingsError } from '../errors.js'
import type { MakeId } from '../ids.js'
import { defaults } from '../protocol/defaults.js'
import type { DeclaredEvents } from '../protocol/declared-events.js'
import {
  type Job,
  type JobAnswer,
  type JobCommand,
  type JobPage,
  type NewJob,
  type RetryJob,
  isEnded,
} from '../protocol/job.js'
import { checkCommand, checkNewJob, checkRetry, jobLimits } from '../protocol/job-input.js'
import { checkId } from '../protocol/topic.js'
import type { Random } from '../random.js'
import type { Store } from '../store/store.js'
import { type Jobs, createJobsFace } from '../work/jobs.js'
import type { JobQuery, MadeJob } from '../work/port.js'
import { Cascade } from './cascade.js'
import { type JobStats, newJobCounters } from './counters.js'
import type { LaneParts } from './lane.js'
import { Lanes } from './lanes.js'
import { listJobs, possible, readJob } from './reading.js'
import { active, notFound, reused } from './refusals.js'
import { type CreatedJob, againOf } from './state.js'
import { Sweeper } from './sweeper.js'
import { Watch } from './watch.js'
import { claimOf, creationClaim, digestOf } from './writes.js'

export interface JobsOptions {
  /** Opened by the caller, who also closes it, after {@link JobsEngine.close}. */
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly makeId: MakeId
  /** Failures that nobody waits for: a sweep, a trailing progress event, a job function that threw. */
  readonly onError: (error: unknown) => void
  /** How often passed deadlines are looked for. Default 1,000 ms: a dead job is noticed within its lease and a second (J6). */
  readonly sweepMs?: number
  /** Most progress events a second of a job that asks for no other rate (J5). 1–100, default 10. */
  readonly eventsPerSecond?: number
  /** What was declared: an event of a job's own must fit it too (E2). Default: any type, any data. */
  readonly events?: DeclaredEvents | undefined
}

/** Mints the token that opens exactly this job (A4). */
export type TokenOf = (namespace: string, jobId: string) => Promise<{ readonly token: string }>

/** Jobs of all namespaces of one store. Whoever calls has checked rights (A4). */
export interface JobsEngine {
  /** J1. A known `id` with the same content answers with that job and `created: false`; with another: `id_reused`. */
  create(namespace: string, newJob: NewJob): Promise<{ readonly job: Job; readonly created: boolean }>
  /**
   * Makes a new job like the ended one, with `retryOf` and everything as it was at its creation (J6). Rejects with
   * `job_active` for a job that has not ended, `not_found`, `id_reused`. The same `id` again gets the same new job.
   */
  retry(namespace: string, jobId: string, command?: RetryJob): Promise<{ readonly job: Job; readonly created: boolean }>
  /** Rejects with `not_found`, `job_invalid`, `id_reused`, `quota` or the store's failure. A refusal is an answer (J3, J6). */
  command(namespace: string, jobId: string, command: JobCommand): Promise<JobAnswer>
  /** The job with the cursor from which to stream on without a gap (J7); null where there is none. */
  snapshot(namespace: string, jobId: string): Promise<Job | null>
  /** Newest first. A page may hold fewer than `limit` and still have a `next`. Rejects with `query_invalid`. */
  list(namespace: string, query: JobQuery): Promise<JobPage>
  /** Takes the job and its events away (J8), after cancelling it, and all below it, where it has not ended. Resolves to whether there was one. */
  remove(namespace: string, jobId: string): Promise<boolean>
  /** Calls back with the job as it is and each newer version until the returned function is called. */
  follow(namespace: string, jobId: string, changed: (job: Job) => void): () => void
  /** What this process has done since it started. */
  stats(): JobStats
  /** Begins to look for passed deadlines. */
  start(): void
  /** Answers what is under way, refuses the rest with `closed`. */
  close(): Promise<void>
  /** The jobs of one namespace as application code uses them. Where `tokenOf` is given, each new job comes with its token. */
  face(namespace: string, tokenOf?: TokenOf): Jobs
}

export function createJobs(options: JobsOptions): JobsEngine {
  const { store, clock, random, makeId, onError, sweepMs = 1_000, events } = options
  const { eventsPerSecond = defaults.jobEventsPerSecond } = options
  checkRate(eventsPerSecond)
  const counters = newJobCounters()
  const parts: LaneParts = {
    store,
    clock,
    random,
    makeId,
    onError,
    counters,
    cascade: (namespace, jobId) => cascade.run(namespace, jobId),
  }
  const lanes = new Lanes(parts)
  const cascade = new Cascade({ store, makeId, lanes, onError })
  const sweeper = new Sweeper({ store, clock, makeId, lanes, onError, sweepMs })
  const watch = new Watch(store, clock, onError)
  const closing = new AbortController()

  const open = (): void => {
    if (closing.signal.aborted) throw new TidingsError('closed', 'The hub is closed.')
  }
  const make = async (
    namespace: string,
    jobId: string,
    given: CreatedJob,
    origin: string,
  ): Promise<{ readonly job: Job; readonly created: boolean }> => {
    const item = { jobId, command: { action: 'create', given, origin } } as const
    const { job, existed = false } = await lanes.send(namespace, item, creationClaim(jobId, origin))
    return { job, created: !existed }
  }

  const engine: JobsEngine = {
    async create(namespace, newJob) {
      open()
      checkId(namespace, 'namespace')
      const { id = makeId(), job: given } = checkNewJob(newJob)
      return await make(namespace, id, { eventsPerSecond, ...given }, digestOf(given))
    },

    async retry(namespace, jobId, command = {}) {
      open()
      if (!possible(jobId)) throw notFound(String(jobId))
      const { id = makeId() } = checkRetry(command)
      const origin = digestOf({ retryOf: jobId })
      // The new job may outlive the old one, and a command that is sent again wants its first answer.
      const again = await readJob(store, namespace, id)
      if (again?.state.origin === origin) return { job: again.job, created: false }
      if (again) throw reused(id)
      const ended = await readJob(store, namespace, jobId)
      if (!ended) throw notFound(jobId)
      if (!isEnded(ended.job.status)) throw active(jobId)
      return await make(namespace, id, againOf(ended.state), origin)
    },

    async command(namespace, jobId, command) {
      open()
      if (!lanes.has(namespace, jobId) && !possible(jobId)) throw notFound(String(jobId))
      const { id, attempt, ...action } = checkCommand(command)
      if (events && action.action === 'update') {
        for (const [at, { type, data }] of (action.publish ?? []).entries()) events.check(type, data, `publish[${at}].`)
      }
      // The attempt is no part of what an id stands for: another process repeats the command without knowing it.
      const claim = claimOf(jobId, id, action)
      return await lanes.send(
        namespace,
        { jobId, command: attempt === undefined ? action : { ...action, attempt } },
        claim,
      )
    },

    async snapshot(namespace, jobId) {
      return (await readJob(store, namespace, jobId))?.job ?? null
    },

    list: (namespace, query) => listJobs(store, namespace, query),

    async remove(namespace, jobId) {
      for (;;) {
        const found = await readJob(store, namespace, jobId)
        if (!found) return false
        if (!isEnded(found.job.status)) {
          await engine.command(namespace, jobId, { id: makeId(), action: 'cancel' })
          continue
        }
        if (found.state.cascade) await cascade.finish(namespace, jobId)
        try {
          const item = { jobId, command: { action: 'remove' } } as const
          await lanes.send(namespace, item, claimOf(jobId, makeId(), 'remove'))
          return true
        } catch (error) {
          if (!(error instanceof TidingsError) || error.code !== 'not_found') throw error
        }
      }
    },

    follow: (namespace, jobId, changed) => watch.follow(namespace, jobId, changed),

    stats: () => ({ ...counters, remembered: lanes.size }),

    start() {
      sweeper.start(() => lanes.forgetIdle())
    },

    async close() {
      closing.abort()
      await sweeper.stop()
      await cascade.idle()
      await lanes.close()
      watch.close()
    },

    face: (namespace, tokenOf) => {
      const withToken = async ({ job }: { readonly job: Job }): Promise<MadeJob> => ({
        job,
        ...(tokenOf && { token: (await tokenOf(namespace, job.id)).token }),
      })
      return createJobsFace(
        {
          remote: false,
          create: async (newJob) => await withToken(await engine.create(namespace, newJob)),
          retry: async (jobId, id) => await withToken(await engine.retry(namespace, jobId, { id })),
          command: (jobId, command) => engine.command(namespace, jobId, command),
          snapshot: (jobId) => engine.snapshot(namespace, jobId),
          list: (query) => engine.list(namespace, query),
          follow: (jobId, changed) => engine.follow(namespace, jobId, changed),
        },
        { clock, random, makeId, onError, closing: closing.signal },
      )
    },
  }
  return engine
}

function checkRate(eventsPerSecond: unknown): void {
  const most = jobLimits.eventsPerSecond
  if (Number.isSafeInteger(eventsPerSecond) && Number(eventsPerSecond) >= 1 && Number(eventsPerSecond) <= most) return
  throw new TidingsError(
    'option_invalid',
    `Option "eventsPerSecond" must be a whole number of 1–${most}, not ${String(eventsPerSecond)}.`,
    { field: 'eventsPerSecond' },
  )
}
