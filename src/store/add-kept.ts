import type { Kept, KeptByAll } from './store.js'

/** What all namespaces keep together. Of none: nothing, and ids would be recognised for `idWindowMs`. */
export function addKept(all: Iterable<Kept>, idWindowMs: number): KeptByAll {
  const labels: Record<string, number> = {}
  const sum = {
    namespaces: 0,
    events: 0,
    topics: 0,
    bytes: 0,
    quotaShare: 0,
    leases: 0,
    deadlines: 0,
    ids: 0,
    idWindowMs,
  }
  for (const kept of all) {
    sum.namespaces++
    for (const name of ['events', 'topics', 'bytes', 'leases', 'deadlines', 'ids'] as const) sum[name] += kept[name]
    sum.quotaShare = Math.max(sum.quotaShare, kept.quotaShare)
    sum.idWindowMs = Math.min(sum.idWindowMs, kept.idWindowMs)
    for (const [label, count] of Object.entries(kept.labels)) labels[label] = (labels[label] ?? 0) + count
  }
  return { ...sum, labels }
}
