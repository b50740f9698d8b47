import type { Clock } from '../clock.js'
import { TidingsError } from '../errors.js'
import type { MakeId } from '../ids.js'
import { formatCursor } from '../protocol/cursor.js'
import type { DeclaredEvents } from '../protocol/declared-events.js'
import {
  type Job,
  type JobAnswer,
  type JobCommand,
  type JobPage,
  type NewJob,
  type RetryJob,
  isEnded,
  jobStatuses,
} from '../protocol/job.js'
import { checkCommand, checkNewJob, checkOwner, checkRetry } from '../protocol/job-input.js'
import { checkId, checkTopic, jobIdOf, jobTopic, jobsTopic } from '../protocol/topic.js'
import type { Random } from '../random.js'
import type { StateRead, Store } from '../store/store.js'
import { type Jobs, createJobsFace } from '../work/jobs.js'
import type { JobQuery, MadeJob } from '../work/port.js'
import { create } from './job.js'
import { Lane, type LaneParts } from './lane.js'
import { active, notFound, overQuota, reused } from './refusals.js'
import { type CreatedJob, againOf, decodeState, jobAt } from './state.js'
import { Sweeper } from './sweeper.js'
import { Watch } from './watch.js'
import { claimOf, creationClaim, digestOf, eventsOf, writeOf } from './writes.js'

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
  /** Takes the job and its events away (J8), after cancelling it where it has not ended. Resolves to whether there was one. */
  remove(namespace: string, jobId: string): Promise<boolean>
  /** Calls back with the job as it is and each newer version until the returned function is called. */
  follow(namespace: string, jobId: string, changed: (job: Job) => void): () => void
  /** Begins to look for passed deadlines. */
  start(): void
  /** Answers what is under way, refuses the rest with `closed`. */
  close(): Promise<void>
  /** The jobs of one namespace as application code uses them. Where `tokenOf` is given, each new job comes with its token. */
  face(namespace: string, tokenOf?: TokenOf): Jobs
}

/** Most reads that one page of a filtered list may cost. */
const readsPerPage = 20

export function createJobs(options: JobsOptions): JobsEngine {
  const { store, clock, random, makeId, onError, sweepMs = 1_000, events } = options
  const parts: LaneParts = { store, clock, random, makeId, onError }
  const sweeper = new Sweeper({ store, clock, makeId, onError, sweepMs })
  const watch = new Watch(store, onError)
  const lanes = new Map<string, Lane>()
  const closing = new AbortController()

  const laneOf = (namespace: string, jobId: string): Lane => {
    const key = JSON.stringify([namespace, jobId])
    const lane = lanes.get(key) ?? new Lane(parts, namespace, jobId)
    lanes.set(key, lane)
    return lane
  }
  /** A lane that has been idle since the last look goes: what it remembers is only worth a read. */
  const dropIdleLanes = (): void => {
    for (const [key, lane] of lanes) {
      if (lane.idle && lane.idleMark) lanes.delete(key)
      lane.idleMark = true
    }
  }
  const open = (): void => {
    if (closing.signal.aborted) throw new TidingsError('closed', 'The hub is closed.')
  }
  const exists = ({ state, upTo }: StateRead, origin: string): { job: Job; created: false } | null => {
    if (!state) return null
    const kept = decodeState(state.value)
    if (kept.origin !== origin) throw reused(kept.job.id)
    return { job: jobAt(kept, upTo), created: false }
  }
  /** An id that no job can have is an unknown job, told like any other (A3). */
  const possible = (jobId: string): boolean => {
    try {
      return checkTopic(jobTopic(jobId)) !== ''
    } catch {
      return false
    }
  }
  const readJob = async (namespace: string, jobId: string): Promise<{ job: Job; version: number } | null> => {
    if (!possible(jobId)) return null
    const { state, upTo } = await store.state(namespace, jobTopic(jobId))
    return state && { job: jobAt(decodeState(state.value), upTo), version: state.version }
  }

  const make = async (
    namespace: string,
    id: string,
    given: CreatedJob,
    origin: string,
  ): Promise<{ readonly job: Job; readonly created: boolean }> => {
    const read = await store.state(namespace, jobTopic(id))
    const known = exists(read, origin)
    if (known) return known
    const first = create(id, given, origin, read.timestamp)
    const result = await store.append(namespace, {
      commands: [creationClaim(id, origin)],
      events: eventsOf(first.state, first.events, makeId),
      states: [writeOf(first.state, 0, first.deadline)],
    })
    if (result.outcome === 'stored') return { job: jobAt(first.state, result.position), created: true }
    if (result.outcome === 'quota') throw overQuota(result.keptBytes, result.quotaBytes)
    if (result.outcome === 'reused') throw reused(id)
    const now = exists(await store.state(namespace, jobTopic(id)), origin)
    if (!now) throw notFound(id)
    return now
  }

  const engine: JobsEngine = {
    async create(namespace, newJob) {
      open()
      checkId(namespace, 'namespace')
      const { id = makeId(), job: given } = checkNewJob(newJob)
      const origin = digestOf(given)
      return await make(namespace, id, given, origin)
    },

    async retry(namespace, jobId, command = {}) {
      open()
      if (!possible(jobId)) throw notFound(String(jobId))
      const { id = makeId() } = checkRetry(command)
      const origin = digestOf({ retryOf: jobId })
      const known = exists(await store.state(namespace, jobTopic(id)), origin)
      if (known) return known
      const { state } = await store.state(namespace, jobTopic(jobId))
      if (!state) throw notFound(jobId)
      const ended = decodeState(state.value)
      if (!isEnded(ended.job.status)) throw active(jobId)
      return await make(namespace, id, againOf(ended), origin)
    },

    async command(namespace, jobId, command) {
      open()
      if (!possible(jobId)) throw notFound(String(jobId))
      const checked = checkCommand(command)
      if (events && checked.action === 'update') {
        for (const [at, { type, data }] of (checked.publish ?? []).entries()) events.check(type, data, `publish[${at}].`)
      }
      return await laneOf(namespace, jobId).send(checked)
    },

    async snapshot(namespace, jobId) {
      return (await readJob(namespace, jobId))?.job ?? null
    },

    async list(namespace, { owner, status, after, limit = 100 }) {
      if (!Number.isSafeInteger(limit) || limit < 1 || limit > 1_000)
        throw queryInvalid('limit', 'must be a whole number of 1–1,000')
      if (status !== undefined && !jobStatuses.includes(status))
        throw queryInvalid('status', `must be one of ${jobStatuses.join(', ')}`)
      const group = owner === undefined ? undefined : jobsTopic(checkOwner(owner))
      const jobs: Job[] = []
      let cursor: string | null = null
      let next = after
      for (let reads = 0; reads < readsPerPage; reads++) {
        // Never more than are still wanted: `next` can only point behind a whole page of the store.
        const page = await store.states(namespace, {
          limit: limit - jobs.length,
          ...(group && { group }),
          ...(next && { after: next }),
        })
        cursor ??= formatCursor(page.upTo)
        for (const { topic, value } of page.states) {
          if (jobIdOf(topic) === null) continue
          const { job } = decodeState(value)
          if (status === undefined || job.status === status) jobs.push({ ...job, cursor })
        }
        next = page.next
        if (next === undefined || jobs.length === limit) break
      }
      return { jobs, cursor: cursor ?? '', ...(next !== undefined && { next }) }
    },

    async remove(namespace, jobId) {
      for (;;) {
        const found = await readJob(namespace, jobId)
        if (!found) return false
        if (!isEnded(found.job.status)) {
          await engine.command(namespace, jobId, { id: makeId(), action: 'cancel' })
          continue
        }
        const result = await store.append(namespace, {
          commands: [claimOf(jobId, makeId(), 'remove')],
          events: [],
          states: [{ topic: jobTopic(jobId), expect: found.version, value: null }],
          exempt: true,
        })
        if (result.outcome === 'stored') return true
      }
    },

    follow: (namespace, jobId, changed) => watch.follow(namespace, jobId, changed),

    start() {
      sweeper.start(dropIdleLanes)
    },

    async close() {
      closing.abort()
      await sweeper.stop()
      await Promise.all([...lanes.values()].map((lane) => lane.close()))
      lanes.clear()
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

function queryInvalid(field: string, what: string): TidingsError {
  return new TidingsError('query_invalid', `"${field}" ${what}.`, { field })
}
