import type { Kept } from '../../store/store.js'
import { type ConnectionState, connectionStates } from '../activity.js'
import type { ClosedBy } from '../counters.js'
import { Distinct } from './distinct.js'
import { type Group, joinGroups } from './groups.js'
import { type Latency, addHistograms, latencyOf, noDurations } from './histogram.js'
import type { HistogramName, NodeFigures, NodeReport, Transport } from './node-figures.js'
import type { Point } from './sampler.js'
import { addTallies, mostFrequent, noTally } from './tally.js'

/** What `GET /stats` answers: all nodes of the hub together (O3). Durations in ms, times in Unix ms. */
export interface Stats {
  readonly at: number
  /** Since the oldest node started. */
  readonly uptimeMs: number
  readonly nodes: readonly NodeReport[]
  /** Nodes that did not answer within a second; the rest is without them. */
  readonly missing?: readonly string[]
  readonly connections: {
    readonly open: number
    readonly byState: Readonly<Record<ConnectionState, number>>
    readonly byTransport: Readonly<Record<Transport, number>>
    readonly lagging: number
    readonly opened: number
    readonly openedBy: Readonly<Record<Transport, number>>
    readonly closed: number
    readonly closedBy: Readonly<Record<ClosedBy, number>>
    /** Streams that came with a cursor, and of those the ones that missed nothing. */
    readonly returned: number
    readonly resumed: number
    /** Of the last minute. */
    readonly reconnectsPerMinute: number
  }
  /** Of the caller's namespace, among what is open: to about 1 %. */
  readonly unique: { readonly users: number; readonly sessions: number; readonly addresses: number }
  /** Of the last that closed in the caller's namespace, at most 1,000 a node. */
  readonly durations: {
    readonly count: number
    readonly averageMs: number | null
    readonly p50Ms: number | null
    readonly p95Ms: number | null
    readonly p99Ms: number | null
    readonly longestMs: number | null
  }
  readonly events: {
    readonly published: number
    readonly duplicates: number
    /** With those of jobs. */
    readonly stored: number
    readonly broadcasts: number
    readonly delivered: number
    readonly storedPerSecond: number
    readonly deliveredPerSecond: number
    readonly leftOut: { readonly low: number; readonly conflated: number; readonly filter: number }
    readonly gaps: number
    /** Of the caller's namespace, the most frequent first. `perSecond`: of the last ten seconds. */
    readonly byType: readonly { readonly type: string; readonly count: number; readonly perSecond: number }[]
    /** Events of types that are not among the 100 of `byType`, or found no room among the 100 of a node. */
    readonly otherTypes: number
  }
  readonly streamBytes: number
  readonly latency: Readonly<Record<HistogramName, Latency>>
  readonly queue: { readonly events: number; readonly bytes: number; readonly refused: number }
  readonly requests: number
  /** By the code of the problem (P12). */
  readonly refused: Readonly<Record<string, number>>
  /** By the name of the limit. */
  readonly limits: Readonly<Record<string, number>>
  /** Failures that no caller heard of. */
  readonly errors: number
  readonly jobs: Readonly<Record<string, number>>
  /** Of the caller's namespace, on all nodes together; null where the store cannot tell, or is away. Jobs by status: `labels`. */
  readonly kept: Kept | null
  /** Of the caller's namespace; those with the most connections, at most 50. */
  readonly sessions: readonly Group[]
  readonly addresses: readonly Group[]
  readonly series: {
    readonly stepMs: number
    /** The oldest first. Sums of all nodes; latency and event loop: of the slowest node. */
    readonly points: readonly Point[]
  }
}

interface Around {
  readonly missing: readonly string[]
  readonly kept: Kept | null
  readonly at: number
}

/** What the nodes told, as one. At least one node. */
export function joinNodes(nodes: readonly NodeFigures[], { missing, kept, at }: Around): Stats {
  const [first] = nodes as [NodeFigures]
  const sum = (of: (node: NodeFigures) => number): number => nodes.reduce((total, node) => total + of(node), 0)
  const sums = <Name extends string>(of: (node: NodeFigures) => Readonly<Record<Name, number>>): Record<Name, number> =>
    nodes.map(of).reduce<Record<Name, number>>(addRecords, {} as Record<Name, number>)
  const counters = (name: CounterName): number => sum((node) => node.counters[name])
  const points = joinPoints(nodes.map((node) => node.points))
  const last = points.at(-1)
  const types = mostFrequent(nodes.map((node) => node.types).reduce(addTallies, noTally))
  return {
    at,
    uptimeMs: Math.max(...nodes.map(({ node }) => node.uptimeMs)),
    nodes: nodes.map(({ node }) => node),
    ...(missing.length > 0 && { missing }),
    connections: {
      open: sum((node) => node.gauges.connections),
      byState: byState(nodes),
      byTransport: connectionStates.map((state) => sums((node) => node.matrix[state])).reduce(addRecords),
      lagging: sum((node) => node.lagging),
      opened: counters('opened'),
      openedBy: sums((node) => node.counters.openedBy),
      closed: counters('closed'),
      closedBy: sums((node) => node.counters.closedBy),
      returned: counters('returned'),
      resumed: counters('resumed'),
      reconnectsPerMinute: points
        .slice(-60_000 / (first.step * 1_000))
        .reduce((total, point) => total + point.returned, 0),
    },
    unique: {
      users: distinct(nodes.map((node) => node.distinct.users)),
      sessions: distinct(nodes.map((node) => node.distinct.sessions)),
      addresses: distinct(nodes.map((node) => node.distinct.addresses)),
    },
    durations: durationsOf(nodes.flatMap((node) => node.durationsMs)),
    events: {
      published: counters('published'),
      duplicates: counters('duplicates'),
      stored: counters('stored'),
      broadcasts: counters('broadcasts'),
      delivered: counters('delivered'),
      storedPerSecond: last?.inPerSecond ?? 0,
      deliveredPerSecond: last?.outPerSecond ?? 0,
      leftOut: { low: counters('leftOutLow'), conflated: counters('conflated'), filter: counters('withheld') },
      gaps: counters('gaps'),
      byType: types.names.map(({ name, total, perWindow }) => ({
        type: name,
        count: total,
        perSecond: perWindow / 10,
      })),
      otherTypes: types.rest,
    },
    streamBytes: counters('streamBytes'),
    latency: latencies(nodes),
    queue: {
      events: sum((node) => node.gauges.queuedEvents),
      bytes: sum((node) => node.gauges.queuedBytes),
      refused: sum((node) => node.gauges.queueRefused),
    },
    requests: counters('requests'),
    refused: sums((node) => node.counters.refusedBy),
    limits: sums((node) => node.limitsRefused),
    errors: counters('errors'),
    jobs: sums((node) => node.jobs),
    kept,
    sessions: joinGroups(nodes.map((node) => node.sessions)),
    addresses: joinGroups(nodes.map((node) => node.addresses)),
    series: { stepMs: first.step * 1_000, points },
  }
}

type CounterName = {
  [Name in keyof NodeFigures['counters']]: NodeFigures['counters'][Name] extends number ? Name : never
}[keyof NodeFigures['counters']]

const byState = (nodes: readonly NodeFigures[]): Record<ConnectionState, number> =>
  Object.fromEntries(
    connectionStates.map((state) => [
      state,
      nodes.reduce((total, { matrix }) => Object.values(matrix[state]).reduce((sum, each) => sum + each, total), 0),
    ]),
  ) as Record<ConnectionState, number>

function addRecords<Name extends string>(
  a: Record<Name, number>,
  b: Readonly<Record<Name, number>>,
): Record<Name, number> {
  const total = { ...a }
  for (const name of Object.keys(b) as Name[]) total[name] = (total[name] ?? 0) + b[name]
  return total
}

function distinct(data: readonly string[]): number {
  const all = new Distinct()
  for (const one of data) all.join(new Distinct(one))
  return all.count
}

function durationsOf(durationsMs: readonly number[]): Stats['durations'] {
  const sorted = [...durationsMs].sort((a, b) => a - b)
  const count = sorted.length
  const at = (share: number): number | null => sorted[Math.min(count - 1, Math.floor(count * share))] ?? null
  const total = sorted.reduce((sum, each) => sum + each, 0)
  return {
    count,
    averageMs: count === 0 ? null : Math.round(total / count),
    p50Ms: at(0.5),
    p95Ms: at(0.95),
    p99Ms: at(0.99),
    longestMs: sorted.at(-1) ?? null,
  }
}

function latencies(nodes: readonly NodeFigures[]): Record<HistogramName, Latency> {
  const of = (name: HistogramName): Latency =>
    latencyOf(nodes.map((node) => node.histograms[name]).reduce(addHistograms, noDurations))
  return {
    delivery: of('delivery'),
    feed: of('feed'),
    connect: of('connect'),
    append: of('append'),
    read: of('read'),
    eventLoop: of('eventLoop'),
  }
}

/** Points of one time are added; a node that has none for it adds nothing. */
function joinPoints(nodes: readonly (readonly Point[])[]): Point[] {
  const [only] = nodes
  if (nodes.length === 1 && only) return [...only]
  const byTime = new Map<number, Point>()
  for (const point of nodes.flat()) {
    const before = byTime.get(point.at)
    byTime.set(point.at, before ? addPoints(before, point) : point)
  }
  return [...byTime.values()].sort((a, b) => a.at - b.at)
}

const addPoints = (a: Point, b: Point): Point => ({
  at: a.at,
  connections: a.connections + b.connections,
  lagging: a.lagging + b.lagging,
  inPerSecond: a.inPerSecond + b.inPerSecond,
  outPerSecond: a.outPerSecond + b.outPerSecond,
  p50Ms: larger(a.p50Ms, b.p50Ms),
  p99Ms: larger(a.p99Ms, b.p99Ms),
  eventLoopMs: larger(a.eventLoopMs, b.eventLoopMs),
  opened: a.opened + b.opened,
  closed: a.closed + b.closed,
  returned: a.returned + b.returned,
  errors: a.errors + b.errors,
  refused: a.refused + b.refused,
})

const larger = (a: number | null, b: number | null): number | null => (a === null ? b : b === null ? a : Math.max(a, b))
