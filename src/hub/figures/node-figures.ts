import type { ConnectionState } from '../activity.js'
import type { Counters, Gauges } from '../counters.js'
import type { EventLoopDelay } from './event-loop.js'
import type { GroupSums } from './groups.js'
import type { HistogramData } from './histogram.js'
import type { Point, StepSeconds } from './sampler.js'
import type { TallyData } from './tally.js'

export interface MemoryFigures {
  readonly rssBytes: number
  readonly heapUsedBytes: number
  readonly heapTotalBytes: number
  readonly externalBytes: number
}

export type Transport = (typeof transports)[number]

/** One node as it is. */
export interface NodeReport {
  readonly id: string
  /** Unix ms. */
  readonly startedAt: number
  readonly uptimeMs: number
  readonly draining: boolean
  readonly store: { readonly kind: string; readonly available: boolean; readonly awayMs: number }
  readonly memory: MemoryFigures
  /** Of the last second; null where the runtime cannot tell. */
  readonly eventLoop: EventLoopDelay | null
  readonly connections: number
  /** Namespaces whose feed this node hears. */
  readonly subscriptions: number
  /** What waits for its time on this node, in the one timer of all connections. */
  readonly timers: number
}

export const transports = ['sse', 'poll', 'process'] as const

/** What a node counts, whatever the namespace. */
export interface NodeTotals {
  readonly node: NodeReport
  readonly counters: Counters
  readonly gauges: Gauges
  readonly matrix: Readonly<Record<ConnectionState, Readonly<Record<Transport, number>>>>
  readonly lagging: number
  /** Topics that connections read: one of two topics counts twice. */
  readonly topicSubscriptions: number
  /** Timers that this node has set with its runtime. */
  readonly clockTimers: number
  readonly histograms: Readonly<Record<HistogramName, HistogramData>>
  readonly limitKeys: number
  readonly limitsRefused: Readonly<Record<string, number>>
  readonly jobs: Readonly<Record<string, number>>
  /** Heard within seconds, this one included. */
  readonly nodes: number
}

/** All that a node tells of itself, as plain data: other nodes ask for it, and add theirs. Its lists are of one namespace. */
export interface NodeFigures extends NodeTotals {
  /** {@link Distinct}. */
  readonly distinct: { readonly users: string; readonly sessions: string; readonly addresses: string }
  readonly durationsMs: readonly number[]
  readonly types: TallyData
  readonly sessions: readonly GroupSums[]
  readonly addresses: readonly GroupSums[]
  readonly step: StepSeconds
  readonly points: readonly Point[]
}

export const histogramNames = ['delivery', 'feed', 'connect', 'append', 'read', 'eventLoop'] as const
export type HistogramName = (typeof histogramNames)[number]
