import { useEffect, useMemo, useState } from 'react'
import { eventTap } from '../../hub/event-tap.js'
import { type Job, jobOf, laterOf } from '../../hub/job.js'

/** So many states that came live are kept on top of what was listed; the list is asked for anew before they are missed. */
const mostKept = 2_000
const tellEveryMs = 100

/** What the events of jobs told since this hook is in use, by id: the newest state of each. */
export function useLiveJobs(): ReadonlyMap<string, Job> {
  const [known, setKnown] = useState<ReadonlyMap<string, Job>>(() => new Map())
  useEffect(() => {
    const latest = new Map<string, Job>()
    let timer: ReturnType<typeof setTimeout> | undefined
    const tell = (): void => {
      timer = undefined
      setKnown(new Map(latest))
    }
    const stop = eventTap().listen(({ event }) => {
      const job = jobOf(event)
      if (!job) return
      const kept = laterOf(job, latest.get(job.id))
      // Put at the end, so that those that are forgotten are the ones that changed longest ago.
      latest.delete(job.id)
      latest.set(job.id, kept)
      if (latest.size > mostKept) latest.delete(latest.keys().next().value as string)
      timer ??= setTimeout(tell, tellEveryMs)
    })
    return () => {
      stop()
      clearTimeout(timer)
    }
  }, [])
  return known
}

export interface JobFilter {
  /** `user:<id>`, or null for everybody's. */
  readonly owner: string | null
  readonly status: string
}

/** What was listed with what came live on top, newest first. */
export function useMergedJobs(
  listed: readonly Job[],
  live: ReadonlyMap<string, Job>,
  { owner, status }: JobFilter,
): readonly Job[] {
  return useMemo(() => {
    const jobs = new Map(listed.map((job) => [job.id, laterOf(job, live.get(job.id))]))
    for (const [id, job] of live) if (!jobs.has(id)) jobs.set(id, job)
    return [...jobs.values()]
      .filter((job) => (owner === null || job.owner === owner) && (status === '' || job.status === status))
      .sort((one, other) => other.createdAt - one.createdAt || (one.id < other.id ? 1 : -1))
  }, [listed, live, owner, status])
}
