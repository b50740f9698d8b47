import type { Clock } from '../../clock.js'
import { type JobStatus, jobEventTypes } from '../../protocol/job.js'
import { everyone } from '../../protocol/topic.js'
import type {
  Append,
  AppendResult,
  EventAnswer,
  Follower,
  Following,
  NewEvent,
  ReadQuery,
  ReadResult,
  Store,
} from '../../store/store.js'
import { type HubLog, logStored } from '../log.js'
import type { Tracing } from '../tracing.js'
import type { Figures } from './figures.js'

export interface ObservedStoreParts {
  readonly figures: Figures
  readonly clock: Clock
  readonly tracing: Tracing | null
  /** Hears of each event stored. */
  readonly log?: HubLog | undefined
}

/**
 * The store as the hub and its jobs use it, with what it takes and brings counted and timed. A store's timestamps cannot be
 * compared with a hub's clock: they come from other machines. So what is timed begins and ends on one clock: deliveries begin
 * with the append here, and end where {@link observeFeed} hears of them.
 */
export function observeStore(store: Store, { figures, clock, log, tracing }: ObservedStoreParts): Store {
  const { counters } = figures
  /** How many follow each namespace that is read here: what nobody follows is not delivered. */
  const followers = new Map<string, number>()

  const noteStored = (namespace: string, { events }: Append, result: AppendResult, startedMs: number): void => {
    if (result.outcome !== 'stored') return
    const { epoch } = result.position
    const isFollowed = followers.has(namespace)
    for (let index = 0; index < events.length; index++) {
      const answer = result.events[index] as EventAnswer
      if (answer.duplicate) continue
      const event = events[index] as NewEvent
      counters.stored++
      if (event.topics.includes(everyone)) counters.broadcasts++
      const status = statusByType.get(event.type)
      if (status) counters.jobsBy[status]++
      figures.stored(namespace, event.type)
      if (isFollowed) figures.times.stored(epoch, answer.seq, startedMs)
      if (log) logStored(log, namespace, event, answer.seq)
    }
  }

  const append = async (namespace: string, given: Append): Promise<AppendResult> => {
    const startedMs = clock.monotonic()
    let result: AppendResult
    try {
      result = await (tracing
        ? tracing.append(given.events, () => store.append(namespace, given))
        : store.append(namespace, given))
    } finally {
      figures.append.observe((clock.monotonic() - startedMs) / 1_000)
    }
    noteStored(namespace, given, result, startedMs)
    return result
  }

  const read = async (namespace: string, query: ReadQuery): Promise<ReadResult> => {
    const startedMs = clock.monotonic()
    try {
      return await store.read(namespace, query)
    } finally {
      figures.read.observe((clock.monotonic() - startedMs) / 1_000)
    }
  }

  const follow = async (namespace: string, follower: Follower): Promise<Following> => {
    followers.set(namespace, (followers.get(namespace) ?? 0) + 1)
    const left = (): void => {
      const rest = (followers.get(namespace) ?? 0) - 1
      if (rest > 0) followers.set(namespace, rest)
      else followers.delete(namespace)
    }
    try {
      const following = await store.follow(namespace, follower)
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

  return {
    kind: store.kind,
    ...(store.policy && { policy: store.policy }),
    ...(store.availability && { availability: store.availability }),
    ...(store.holdings && { holdings: store.holdings }),
    ...(store.others && { others: store.others }),
    open: () => store.open(),
    append,
    read,
    head: (namespace) => store.head(namespace),
    positionAt: (namespace, timestampMs) => store.positionAt(namespace, timestampMs),
    follow,
    probe: (namespace) => store.probe(namespace),
    state: (namespace, topic) => store.state(namespace, topic),
    states: (namespace, query) => store.states(namespace, query),
    idWindow: (namespace) => store.idWindow(namespace),
    topics: (namespace, query) => store.topics(namespace, query),
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
