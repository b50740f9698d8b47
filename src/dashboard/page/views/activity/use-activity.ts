import { useEffect, useMemo, useRef, useState } from 'react'
import type { ConnectionPage } from '../../hub/connections.js'
import { useHub } from '../../hub/queries.js'
import type { Stats } from '../../hub/stats.js'
import {
  type Entry,
  entriesBetween,
  entriesOfConnections,
  entriesOfSeries,
  newest,
  wordsOfErrors,
  wordsOfRefusals,
} from './entries.js'

const everyMs = 2_000
/** Kept of what was seen between two looks. */
const mostSeen = 1_000

export interface ActivityLog {
  readonly entries: readonly Entry[] | null
  readonly error: Error | null
}

/**
 * What happens at the hub, the newest first: connections from the lists of those that are open and that closed, refusals and
 * failures from the counters. What was refused before the page was opened is known by the second, without its code.
 */
export function useActivity(): ActivityLog {
  const open = useHub<ConnectionPage>('/connections', { query: { limit: 1_000 }, everyMs })
  const closed = useHub<ConnectionPage>('/connections', { query: { limit: 500, state: 'closed' }, everyMs })
  const stats = useHub<Stats>('/stats', { everyMs })
  const before = useRef<Stats | null>(null)
  const [since, setSince] = useState<number | null>(null)
  const [seen, setSeen] = useState<readonly Entry[]>([])
  const { data } = stats
  useEffect(() => {
    if (!data) return
    const last = before.current
    before.current = data
    if (!last) return setSince(data.at)
    const fresh = entriesBetween(last, data)
    if (fresh.length > 0) setSeen((earlier) => [...fresh, ...earlier].slice(0, mostSeen))
  }, [data])
  const entries = useMemo(() => {
    if (!open.data || !closed.data) return null
    const until = since ?? Number.POSITIVE_INFINITY
    return newest([
      ...entriesOfConnections(open.data.connections, open.data.next === undefined, closed.data.connections, data),
      ...entriesOfSeries(data, 'refused', ({ refused }) => refused, wordsOfRefusals, until),
      ...entriesOfSeries(data, 'error', ({ errors }) => errors, wordsOfErrors, until),
      ...seen,
    ])
  }, [open.data, closed.data, data, seen, since])
  return { entries, error: open.error ?? closed.error ?? stats.error }
}
