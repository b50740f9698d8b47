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

export type Transport = 'sse' | 'poll' | 'process'

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

/** All that a node tells of itself, as plain data: other nodes ask for it, and add theirs. */
export interface NodeFigures {
  readonly node: NodeReport
  readonly counters: Counters
  readonly gauges: Gauges
  readonly states: Readonly<Record<ConnectionState, number>>
  readonly transports: Readonly<Record<Transport, number>>
  readonly lagging: number
  readonly histograms: Readonly<Record<HistogramName, HistogramData>>
  readonly limitsRefused: Readonly<Record<string, number>>
  readonly jobs: Readonly<Record<string, number>>
  /** From here on of one namespace. {@link Distinct}. */
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
