import type { Clock } from '../../clock.js'
import { type JobStatus, jobEventTypes } from '../../protocol/job.js'
import { everyone } from '../../protocol/topic.js'
import type { Announcement, Append, AppendResult, Follower, Following, Store, StoredEvent } from '../../store/store.js'
import type { Flushable } from '../end-of-tick.js'
import { type HubLog, logStored } from '../log.js'
import type { Tracing } from '../tracing.js'
import type { Figures } from './figures.js'
import type { Histogram } from './histogram.js'

export interface ObservedStoreParts {
  readonly figures: Figures
  readonly clock: Clock
  readonly tracing: Tracing | null
  /** Hears of each event stored. */
  readonly log?: HubLog | undefined
  /** Calls `task` when all that has been pushed by now has been given to the sockets. */
  readonly afterWrites: (task: Flushable) => void
}

/** Events whose announcement is awaited; beyond, the oldest are no longer timed. */
const mostAwaited = 10_000

/** The appends of this node to one namespace that is read here: when each event was handed to the store. */
interface Followed {
  followers: number
  readonly startedMs: Map<string, number>
}

/**
 * The store as the hub and its jobs use it, with what it takes and brings counted and timed. A store's timestamps cannot be
 * compared with a hub's clock: they come from other machines. So what is timed begins and ends on one clock: from the append
 * on this node, or, for events of other nodes, from the moment they are heard.
 */
export function observeStore(store: Store, { figures, clock, log, tracing, afterWrites }: ObservedStoreParts): Store {
  const { counters } = figures
  const followed = new Map<string, Followed>()

  const timed = async <Answer>(histogram: Histogram, work: Promise<Answer>): Promise<Answer> => {
    const startedMs = clock.monotonic()
    try {
      return await work
    } finally {
      histogram.observe((clock.monotonic() - startedMs) / 1_000)
    }
  }

  const noteStored = (namespace: string, { events }: Append, result: AppendResult): void => {
    const awaited = followed.get(namespace)?.startedMs
    for (const [index, event] of events.entries()) {
      const { id, type, topics } = event
      if (result.outcome !== 'stored' || result.events[index]?.duplicate) {
        awaited?.delete(id)
        continue
      }
      counters.stored++
      if (topics.includes(everyone)) counters.broadcasts++
      const status = statusByType.get(type)
      if (status) counters.jobsBy[status]++
      figures.stored(namespace, type)
      if (log) logStored(log, namespace, event, result.events[index]?.seq ?? 0)
    }
  }

  const append = async (namespace: string, given: Append): Promise<AppendResult> => {
    const awaited = followed.get(namespace)?.startedMs
    if (awaited) for (const { id } of given.events) remember(awaited, id, clock.monotonic())
    try {
      const result = await timed(
        figures.append,
        tracing ? tracing.append(given.events, () => store.append(namespace, given)) : store.append(namespace, given),
      )
      noteStored(namespace, given, result)
      return result
    } catch (error) {
      for (const { id } of given.events) awaited?.delete(id)
      throw error
    }
  }

  const follow = async (namespace: string, follower: Follower): Promise<Following> => {
    const here = followed.get(namespace) ?? { followers: 0, startedMs: new Map<string, number>() }
    here.followers++
    followed.set(namespace, here)
    const left = (): void => {
      if (--here.followers === 0) followed.delete(namespace)
    }
    const one: Announcement[] = []
    const announced = (announcements: readonly Announcement[]): void => {
      const heardMs = clock.monotonic()
      const written: Written[] = []
      for (const announcement of announcements) {
        const before = counters.delivered
        one[0] = announcement
        follower.announced(one)
        const id = announcement.event?.id
        const startedMs = id === undefined ? undefined : here.startedMs.get(id)
        if (id !== undefined && startedMs !== undefined) here.startedMs.delete(id)
        const deliveries = counters.delivered - before
        if (deliveries > 0) written.push({ startedMs, deliveries, event: announcement.event })
      }
      if (written.length > 0) afterWrites({ flush: () => observe(heardMs, written) })
    }
    try {
      const following = await store.follow(namespace, { ...bound(follower), announced })
      return {
        position: following.position,
        close() {
          following.close()
          left()
        },
      }
    } catch (error) {
      left()
      throw error
    }
  }

  const observe = (heardMs: number, written: readonly Written[]): void => {
    const nowMs = clock.monotonic()
    for (const { startedMs, deliveries, event } of written) {
      figures.feed.observe((nowMs - heardMs) / 1_000, deliveries)
      if (startedMs !== undefined) figures.delivery.observe((nowMs - startedMs) / 1_000, deliveries)
      const parent = tracing && event && tracing.parentOf(event.body)
      if (parent) tracing.delivered(parent, event.id, deliveries, clock.now() - (nowMs - heardMs), clock.now())
    }
  }

  return {
    kind: store.kind,
    ...(store.policy && { policy: store.policy }),
    ...(store.availability && { availability: store.availability }),
    ...(store.holdings && { holdings: store.holdings }),
    ...(store.others && { others: store.others }),
    open: () => store.open(),
    append,
    read: (namespace, query) => timed(figures.read, store.read(namespace, query)),
    head: (namespace) => store.head(namespace),
    positionAt: (namespace, timestampMs) => store.positionAt(namespace, timestampMs),
    follow,
    probe: (namespace) => store.probe(namespace),
    state: (namespace, topic) => store.state(namespace, topic),
    states: (namespace, query) => store.states(namespace, query),
    idWindow: (namespace) => store.idWindow(namespace),
    describe: (namespace, topic) => store.describe(namespace, topic),
    erase: (namespace, topic) => store.erase(namespace, topic),
    due: (query) => store.due(query),
    maintain: () => store.maintain(),
    close: () => store.close(),
  }
}

const statusByType: ReadonlyMap<string, JobStatus> = new Map([
  [jobEventTypes.created, 'queued'],
  [jobEventTypes.started, 'running'],
  [jobEventTypes.completed, 'completed'],
  [jobEventTypes.failed, 'failed'],
  [jobEventTypes.cancelled, 'cancelled'],
])

interface Written {
  /** When this node handed the event to the store; undefined: another did. */
  readonly startedMs: number | undefined
  readonly deliveries: number
  readonly event: StoredEvent | undefined
}

const bound = (follower: Follower): Follower => ({
  announced: (announcements) => follower.announced(announcements),
  interrupted: () => follower.interrupted(),
  probed: (position) => follower.probed(position),
  ...(follower.told && { told: (text: string) => follower.told?.(text) }),
})

function remember(awaited: Map<string, number>, id: string, nowMs: number): void {
  if (awaited.size >= mostAwaited)
    for (const eldest of awaited.keys()) {
      awaited.delete(eldest)
      break
    }
  awaited.set(id, nowMs)
}
