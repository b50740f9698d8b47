import type { Timer } from '../clock.js'
import type { TidingsEvent } from '../protocol/event.js'
import type { Job } from '../protocol/job.js'
import { jobTopic } from '../protocol/topic.js'
import { backoffMs } from './backoff.js'
import type { ClientError } from './error.js'
import type { ConnectionParts } from './engine.js'
import type { Client, ClientOptions, JobsView, JobView } from './index.js'
import { createListeners } from './listeners.js'
import { type Access, get } from './sse.js'
import type { ClientStatus, Readable } from './status.js'

/** What views need of their client. */
export interface JobPort extends ConnectionParts, Omit<ClientOptions, keyof ConnectionParts> {
  readonly status: Readable<ClientStatus>
  readonly createClient: (options: ClientOptions) => Client
}

/** A job by its id, or without one the jobs of whoever is signed in. */
export const view = (port: JobPort, id?: string, token?: string): Readable<unknown> =>
  id === undefined ? jobsView(port) : jobView(id, token, port)

/** The jobs that are kept in a list, newest first; older ones are let go. */
const listedJobs = 1_000
const pageJobs = 200

/**
 * A job as it stands. With a `token` of its own it comes over a connection of its own where the client has none or may not
 * read it.
 */
function jobView(id: string, token: string | undefined, port: JobPort): JobView {
  let known: Job | null = null
  const listeners = createListeners<Job>(port.report)
  let leave: (() => void) | null = null

  const take = (job: Job): void => {
    if (known && job.version <= known.version) return
    known = job
    listeners.call(job)
  }
  const loader = createLoader(port, async (refresh) => {
    const response = await get(port, `/jobs/${encodeURIComponent(id)}`, refresh)
    if (response.ok) take(await response.json())
    // Hidden and unknown are one answer, and the stream tells it too.
    return response.ok || response.status === 403 || response.status === 404
  })

  const join = (onError?: (error: ClientError) => void): (() => void) => {
    let carried = false
    /** The last stream began without a cursor, and its snapshot has not come yet. */
    let unsettled = false
    return port.topics.add(
      jobTopic(id),
      { '*': hearJobs(take) },
      {
        onSnapshot({ job }) {
          unsettled = false
          take(job)
        },
        onJoin({ topics }, atCursor) {
          const before = carried
          carried = topics.includes(jobTopic(id))
          if (carried && atCursor && (!before || unsettled)) loader.start()
          unsettled = !atCursor
        },
        ...(onError && { onError }),
      },
    )
  }
  const joinWith = (own: string): (() => void) => {
    // No cookies beside the token: they are somebody else's.
    const alone = { getToken: renewing(own, port), credentials: 'omit', identity: null, resume: 'none' } as const
    const client = port.createClient({ ...port, ...alone } as ClientOptions)
    const stop = port.status.subscribe(() => port.status.getSnapshot().status === 'closed' && client.close())
    const undo = client.job(id).subscribe(take)
    return () => {
      stop()
      undo()
      client.close()
    }
  }
  const open = (): (() => void) => {
    if (token === undefined) return join()
    if (port.status.getSnapshot().connectionId === null) return joinWith(token)
    return join((error) => {
      if (error.kind !== 'authentication') return
      leave = joinWith(token)
    })
  }

  return {
    getSnapshot: () => known,
    subscribe(listener) {
      const undo = listeners.add(listener)
      leave ??= open()
      return () => {
        undo()
        if (listeners.size()) return
        loader.stop()
        leave?.()
        leave = null
      }
    },
  }
}

/** The jobs of whoever is signed in, newest first: those that were, and those that come. */
function jobsView(port: JobPort): JobsView {
  const known = new Map<string, Job>()
  let list: readonly Job[] | null = null
  const listeners = createListeners<readonly Job[]>(port.report)
  let leave: (() => void) | null = null

  const take = (...jobs: Job[]): void => {
    for (const job of jobs) {
      if ((known.get(job.id)?.version ?? -1) < job.version) known.set(job.id, job)
    }
    const sorted = [...known.values()].sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1))
    for (const { id } of sorted.splice(listedJobs)) known.delete(id)
    list = sorted
    listeners.call(sorted)
  }
  const loader = createLoader(port, async (refresh) => {
    for (let after = '', taken = 0; taken < listedJobs; taken += pageJobs) {
      const response = await get(port, `/jobs?limit=${pageJobs}${after}`, refresh)
      if (!response.ok) return response.status < 500 && response.status !== 401 && response.status !== 429
      const { jobs, next } = (await response.json()) as { jobs: Job[]; next?: string }
      take(...jobs)
      if (!next) return true
      after = `&after=${encodeURIComponent(next)}`
    }
    return true
  })

  return {
    getSnapshot: () => list,
    subscribe(listener) {
      const undo = listeners.add(listener)
      let carried = false
      leave ??= port.topics.add(
        null,
        { '*': hearJobs((job) => list && take(job)) },
        {
          onJoin({ own }) {
            if (own && !carried) loader.start()
            carried = own
          },
          onGap: loader.start,
        },
      )
      return () => {
        undo()
        if (listeners.size()) return
        loader.stop()
        leave?.()
        leave = null
        list = null
      }
    },
  }
}

// A log line is news of a job, but not a job.
const hearJobs =
  (take: (job: Job) => unknown) =>
  ({ type, data }: TidingsEvent): void => {
    if (type.startsWith('job.') && type !== 'job.log') take(data as Job)
  }

/**
 * Reads what a stream does not tell because it goes on from a cursor. It is read after the stream has its position, so
 * together with the events that follow nothing is missed; where both tell the same, the version decides. What fails is
 * tried again, with a fresh token.
 */
function createLoader({ clock, random }: JobPort, load: (refresh: boolean) => Promise<boolean>) {
  let timer: Timer | undefined
  let run = 0
  const go = async (mine: number, attempt: number): Promise<void> => {
    const done = await load(attempt > 0).catch(() => false)
    if (done || mine !== run) return
    timer = clock.setTimer(() => void go(mine, attempt + 1), backoffMs(attempt, 0, random.fraction()))
  }
  return {
    start: (): void => {
      timer?.cancel()
      void go(++run, 0)
    },
    stop: (): void => {
      timer?.cancel()
      run++
    },
  }
}

/** A token that the hub renews while it is valid. Where it does not, the old one is shown until it is refused. */
function renewing(token: string, { url, fetch = globalThis.fetch }: Access) {
  let current = token
  return async ({ refresh }: { refresh: boolean }): Promise<string> => {
    if (refresh) {
      const headers = { Authorization: `Bearer ${current}` }
      const response = await fetch(`${url}/tokens`, { method: 'POST', headers }).catch(() => null)
      const body = response?.ok ? ((await response.json()) as { token: string }) : null
      current = body?.token ?? current
    }
    return current
  }
}
