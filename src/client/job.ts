import type { Clock, Timer } from '../clock.js'
import type { Random } from '../random.js'
import type { TidingsEvent } from '../protocol/event.js'
import type { Job } from '../protocol/job.js'
import { jobPath } from '../protocol/names.js'
import { jobTopic } from '../protocol/topic.js'
import { backoffMs } from './backoff.js'
import { type Access, get } from './sse.js'
import { createListeners, type Readable } from './status.js'
import type { Topics } from './topics.js'

/** A job as it stands: null until it is known. Its updates come only while somebody is subscribed. */
export type JobView = Readable<Job | null>

export interface JobPort {
  readonly topics: Topics
  readonly access: Access
  readonly clock: Clock
  readonly random: Random
  readonly failed: (cause: unknown) => void
}

/** Beyond this many, those that nobody looks at are forgotten. */
const rememberedJobs = 200

/** The views of a client's jobs: the same one for the same id, as long as somebody looks at it and mostly longer. */
export function jobViews(port: JobPort): (id: string) => JobView {
  const views = new Map<string, LiveJob>()
  return (id) => {
    const view = views.get(id) ?? liveJob(id, port)
    if (views.size > rememberedJobs) {
      for (const [other, { watched }] of views) if (!watched()) views.delete(other)
    }
    views.set(id, view)
    return view
  }
}

interface LiveJob extends JobView {
  readonly watched: () => boolean
}

function liveJob(id: string, { topics, access, clock, random, failed }: JobPort): LiveJob {
  const listeners = createListeners<void>(failed)
  let known: Job | null = null
  let leave: (() => void) | null = null
  let timer: Timer | undefined

  const take = (job: Job): void => {
    if (known && job.version <= known.version) return
    known = job
    listeners.call()
  }

  /**
   * The state of a job whose topic joined a running stream. It is read after the stream has its position, so together with
   * the events that follow nothing is missed; where both tell the same, the version decides.
   */
  const load = async (attempt: number): Promise<void> => {
    timer?.cancel()
    try {
      const response = await get(access, jobPath(id), attempt > 0)
      if (response.ok) return take(await response.json())
      // Hidden and unknown are one answer, and the stream tells it too.
      if (response.status === 403 || response.status === 404) return
    } catch {
      // Worth another try.
    }
    if (leave) timer = clock.setTimer(() => load(attempt + 1), backoffMs(attempt, 0, random.fraction()))
  }

  // A log line is news of a job, but not a job.
  const hear = ({ type, data }: TidingsEvent): void => {
    if (type.startsWith('job.') && type !== 'job.log') take(data as Job)
  }

  return {
    watched: () => leave !== null,
    getSnapshot: () => known,
    subscribe(listener) {
      const undo = listeners.add(listener)
      leave ??= topics.add(
        jobTopic(id),
        { '*': hear },
        { onSnapshot: ({ job }) => take(job), onJoin: () => void load(0) },
      )
      return () => {
        undo()
        if (listeners.size()) return
        timer?.cancel()
        leave?.()
        leave = null
      }
    },
  }
}
