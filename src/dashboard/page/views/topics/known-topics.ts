import { useMemo } from 'react'
import { topicsOf } from '../../hub/event.js'
import { useHub } from '../../hub/queries.js'
import { useRecentEvents } from '../../hub/recent-events.js'

/** A topic that somebody reads, or that events came to since this page opened. */
export interface KnownTopic {
  readonly topic: string
  /** Open connections that read it, on all nodes; of many connections the first thousand are asked. */
  readonly readers: number
  /** Events that this page still keeps. */
  readonly recent: number
  /** Unix ms; null: none came. */
  readonly lastAt: number | null
}

interface Connections {
  readonly connections: readonly { readonly topics: readonly string[] }[]
}

const everyMs = 5_000

/** The hub keeps no list of its topics; this is what live readers and recent events name, the busiest first. */
export function useKnownTopics(): readonly KnownTopic[] {
  const { data } = useHub<Connections>('/connections', { query: { limit: 1_000 }, everyMs })
  const { entries } = useRecentEvents()
  return useMemo(() => {
    const known = new Map<string, { readers: number; recent: number; lastAt: number | null }>()
    const at = (topic: string) => {
      const found = known.get(topic) ?? { readers: 0, recent: 0, lastAt: null }
      known.set(topic, found)
      return found
    }
    for (const { topics } of data?.connections ?? []) for (const topic of topics) if (topic !== '*') at(topic).readers++
    for (const { event } of entries) {
      for (const topic of topicsOf(event)) {
        const found = at(topic)
        found.recent++
        found.lastAt = event.timestamp
      }
    }
    return [...known].map(([topic, figures]) => ({ topic, ...figures })).sort(byActivity)
  }, [data, entries])
}

const byActivity = (one: KnownTopic, other: KnownTopic): number =>
  other.recent - one.recent || other.readers - one.readers || (one.topic < other.topic ? -1 : 1)
