import { TidingsError } from '../errors.js'
import { formatCursor } from '../protocol/cursor.js'
import { type Job, type JobPage, jobStatuses } from '../protocol/job.js'
import { checkOwner } from '../protocol/job-input.js'
import { checkTopic, jobIdOf, jobTopic, jobsTopic } from '../protocol/topic.js'
import type { Store } from '../store/store.js'
import type { JobQuery } from '../work/port.js'
import { type JobState, decodeState, jobAt } from './state.js'

/** An id that no job can have is an unknown job, told like any other (A3). */
export function possible(jobId: string): boolean {
  try {
    return checkTopic(jobTopic(jobId)) !== ''
  } catch {
    return false
  }
}

export async function readJob(
  store: Store,
  namespace: string,
  jobId: string,
): Promise<{ readonly state: JobState; readonly job: Job } | null> {
  if (!possible(jobId)) return null
  const { state: kept, upTo } = await store.state(namespace, jobTopic(jobId))
  if (!kept) return null
  const state = decodeState(kept.value)
  return { state, job: jobAt(state, upTo) }
}

/** Most reads that one page of a filtered list may cost. */
const readsPerPage = 20

export async function listJobs(
  store: Store,
  namespace: string,
  { owner, status, after, limit = 100 }: JobQuery,
): Promise<JobPage> {
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > 1_000)
    throw queryInvalid('limit', 'must be a whole number of 1–1,000')
  if (status !== undefined && !jobStatuses.includes(status))
    throw queryInvalid('status', `must be one of ${jobStatuses.join(', ')}`)
  // The numbers of making, as every store gives them in `next`.
  if (after !== undefined && !/^\d{1,16}$/.test(after))
    throw queryInvalid('after', 'must be the "next" of another page')
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
}

function queryInvalid(field: string, what: string): TidingsError {
  return new TidingsError('query_invalid', `"${field}" ${what}.`, { field })
}
