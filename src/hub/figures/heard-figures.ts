import { type ConnectionState, connectionStates } from '../activity.js'
import type { Counters, Gauges } from '../counters.js'
import type { TypeCount } from '../sent-types.js'
import type { EventLoopDelay } from './event-loop.js'
import type { GroupSums } from './groups.js'
import { type HistogramData, noDurations } from './histogram.js'
import { type MemoryFigures, type NodeFigures, type NodeReport, histogramNames, transports } from './node-figures.js'
import type { Point, StepSeconds } from './sampler.js'
import type { TallyData } from './tally.js'

/**
 * What another node told of itself, which may be of an older or a newer version (H9): what this version does not know is left
 * out, and what is missing or of another kind adds nothing to the sums. Null: it does not even say which node it is. `step`:
 * of the points that it was asked for.
 */
export function heardFigures(told: unknown, step: StepSeconds): NodeFigures | null {
  const figures = figuresOf(told)
  if (figures.node.id === '') return null
  return figures.step === step ? figures : { ...figures, step, points: [] }
}

/** Reads a part of what was told. Never throws. */
type Reads<Part> = (told: unknown) => Part

const count: Reads<number> = (told) => (typeof told === 'number' && Number.isFinite(told) ? told : 0)
const measured: Reads<number | null> = (told) => (typeof told === 'number' ? count(told) : null)
const text: Reads<string> = (told) => (typeof told === 'string' ? told : '')
const flag: Reads<boolean> = (told) => told === true

const recordOf = (told: unknown): Readonly<Record<string, unknown>> =>
  typeof told === 'object' && told !== null && !Array.isArray(told) ? (told as Record<string, unknown>) : {}

const parts =
  <Whole extends object>(of: { readonly [Name in keyof Whole]-?: Reads<Whole[Name]> }): Reads<Whole> =>
  (told) => {
    const from = recordOf(told)
    const read = Object.entries<Reads<unknown>>(of).map(([name, reads]) => [name, reads(from[name])])
    return Object.fromEntries(read) as Whole
  }

const each =
  <Name extends string, Part>(names: readonly Name[], reads: Reads<Part>): Reads<Record<Name, Part>> =>
  (told) => {
    const from = recordOf(told)
    return Object.fromEntries(names.map((name) => [name, reads(from[name])])) as Record<Name, Part>
  }

/** By names that a version may add to. */
const counts: Reads<Record<string, number>> = (told) => {
  const read = Object.entries(recordOf(told)).map(([name, value]) => [name, count(value)] as const)
  return Object.fromEntries(read.filter(([, value]) => value !== 0))
}

/** Those that `read` makes something of. */
const list =
  <Item>(read: Reads<Item | null>): Reads<Item[]> =>
  (told) =>
    Array.isArray(told) ? told.flatMap((one) => read(one) ?? []) : []

const known =
  <Whole>(read: Reads<Whole>, isKnown: (whole: Whole) => boolean): Reads<Whole | null> =>
  (told) => {
    const whole = read(told)
    return isKnown(whole) ? whole : null
  }

const histogram: Reads<HistogramData> = (told) => {
  const { counts: buckets, sum } = recordOf(told)
  // Of other bounds: nothing can be added to ours.
  if (!Array.isArray(buckets) || buckets.length !== noDurations.counts.length) return noDurations
  return { counts: buckets.map(count), sum: count(sum) }
}

const node = parts<NodeReport>({
  id: text,
  startedAt: count,
  uptimeMs: count,
  draining: flag,
  store: parts<NodeReport['store']>({ kind: text, available: (told) => told !== false, awayMs: count }),
  memory: parts<MemoryFigures>({ rssBytes: count, heapUsedBytes: count, heapTotalBytes: count, externalBytes: count }),
  eventLoop: (told) => (told ? parts<EventLoopDelay>({ p50Ms: count, p99Ms: count, maxMs: count })(told) : null),
  connections: count,
  subscriptions: count,
  timers: count,
})

const counters = parts<Counters>({
  ...{ published: count, duplicates: count, stored: count, broadcasts: count, delivered: count },
  ...{ leftOutLow: count, conflated: count, withheld: count, gaps: count, gapsBy: counts },
  ...{ opened: count, closed: count, openedBy: counts, closedBy: counts, returned: count, resumed: count },
  ...{ streamBytes: count, jobsBy: counts, errors: count, requests: count, refusedBy: counts },
})

const gauges = parts<Gauges>({
  ...{ connections: count, queuedEvents: count, queuedBytes: count, queueRefused: count },
  ...{ storeTimesAway: count, storeAwayMs: count },
})

const byType = list(known(parts<TypeCount>({ type: text, count }), ({ type }) => type !== ''))

const groupSums = parts<Required<GroupSums>>({
  ...{ name: text, user: text, connections: count, closed: count, reconnects: count },
  ...{ sent: count, byType, perSecond: count, errors: count, durationMs: count },
})

const group: Reads<GroupSums | null> = (told) => {
  const { user, ...sums } = groupSums(told)
  return sums.name === '' ? null : { ...sums, ...(user !== '' && { user }) }
}

const points = list(
  known(
    parts<Point>({
      ...{ at: count, connections: count, lagging: count, inPerSecond: count, outPerSecond: count },
      ...{ p50Ms: measured, p99Ms: measured, eventLoopMs: measured },
      ...{ opened: count, closed: count, returned: count, errors: count, refused: count },
    }),
    ({ at }) => at > 0,
  ),
)

const names = list(
  known(parts<TallyData['names'][number]>({ name: text, total: count, perWindow: count }), ({ name }) => name !== ''),
)

const figuresOf = parts<NodeFigures>({
  node,
  counters,
  gauges,
  matrix: each<ConnectionState, NodeFigures['matrix'][ConnectionState]>(connectionStates, each(transports, count)),
  lagging: count,
  topicSubscriptions: count,
  clockTimers: count,
  histograms: each(histogramNames, histogram),
  limitKeys: count,
  limitsRefused: counts,
  jobs: counts,
  nodes: count,
  distinct: parts<NodeFigures['distinct']>({ users: text, sessions: text, addresses: text }),
  durationsMs: list(count),
  types: parts<TallyData>({ names, rest: count }),
  sessions: list(group),
  addresses: list(group),
  step: (told) => count(told) as StepSeconds,
  points,
})
