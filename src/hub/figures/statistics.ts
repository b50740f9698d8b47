import { TidingsError } from '../../errors.js'
import { type ConnectionState, connectionStates } from '../activity.js'
import type { Counters } from '../counters.js'
import type { HubCore } from '../hub.js'
import { reportOf } from '../report.js'
import { Distinct } from './distinct.js'
import { groupsOf } from './groups.js'
import type { HistogramData } from './histogram.js'
import { type HistogramName, type NodeFigures, type Transport, histogramNames } from './node-figures.js'
import { Sampler, type StepSeconds, steps } from './sampler.js'
import { type Stats, joinNodes } from './stats.js'
import { noTally } from './tally.js'

export interface StatisticsParts {
  readonly core: HubCore
  /** What jobs count, by name. */
  readonly jobs: () => Readonly<Record<string, number>>
  /** Refusals by the name of the limit. */
  readonly limits: () => Readonly<Record<string, number>>
}

export interface StatsQuery {
  /** Seconds between the points of `series`: 1 (default, of the last five minutes) or 10 (of the last hour). */
  readonly step?: StepSeconds
}

interface Asked {
  readonly namespace: string
  readonly step: StepSeconds
}

/** The figures of this node, and, asked from each other, those of all. */
export class Statistics {
  readonly sampler: Sampler
  readonly #parts: StatisticsParts
  readonly #startedAt: number
  readonly #startedMs: number

  constructor(parts: StatisticsParts) {
    this.#parts = parts
    const { core } = parts
    this.#startedAt = Math.round(core.clock.now())
    this.#startedMs = core.clock.monotonic()
    const { figures, clock } = core
    this.sampler = new Sampler({
      figures,
      clock,
      now: () => ({ connections: core.connections, lagging: core.lagging }),
    })
    core.control.nodes.on('stats', (body) => {
      const { namespace, step } = body as Asked
      return this.here(namespace, step)
    })
  }

  /** All nodes together; lists are of one namespace. Throws `query_invalid`. */
  async read(namespace: string, { step = 1 }: StatsQuery = {}): Promise<Stats> {
    if (!steps.some(({ seconds }) => seconds === step))
      throw new TidingsError('query_invalid', '"step" must be 1 or 10 (seconds).', { field: 'step' })
    const { control, clock, presence } = this.#parts.core
    const asked: Asked = { namespace, step }
    const { answers, missing } = presence.available
      ? await control.nodes.ask('stats', asked)
      : { answers: [], missing: control.nodes.others }
    const here = this.here(namespace, step)
    const others = answers.filter((answer): answer is NodeFigures => isFigures(answer))
    return joinNodes([here, ...others], missing, Math.round(clock.now()))
  }

  /** Of this node alone. */
  here(namespace: string, step: StepSeconds = 1): NodeFigures {
    const { core, jobs, limits } = this.#parts
    const { clock, figures, control, presence, store } = core
    const nodeId = control.nodes.id
    const states = Object.fromEntries(connectionStates.map((state) => [state, 0])) as Record<ConnectionState, number>
    const transports: Record<Transport, number> = { sse: 0, poll: 0, process: 0 }
    const nowMs = clock.monotonic()
    const open = []
    for (const connection of core.openConnections) {
      states[connection.activity.stateAt(nowMs, connection.stalledMs).state]++
      transports[connection.transport]++
      if (connection.namespace === namespace) open.push(reportOf(connection, nodeId, clock))
    }
    const closed = control.closedIn(namespace)
    const users = new Distinct()
    const sessions = new Distinct()
    const addresses = new Distinct()
    for (const { user, session, address } of open) {
      if (user !== undefined) users.add(user)
      if (session !== undefined) sessions.add(session)
      if (address !== undefined) addresses.add(address)
    }
    const { rss, heapUsed, heapTotal, external } = process.memoryUsage()
    const unixMs = clock.now()
    return {
      node: {
        id: nodeId,
        startedAt: this.#startedAt,
        uptimeMs: Math.round(nowMs - this.#startedMs),
        draining: core.draining,
        store: { kind: store.kind, available: presence.available, awayMs: Math.round(presence.awayMs) },
        memory: { rssBytes: rss, heapUsedBytes: heapUsed, heapTotalBytes: heapTotal, externalBytes: external },
        eventLoop: this.sampler.eventLoop,
        connections: core.connections,
        subscriptions: core.subscriptions,
        timers: core.wheel.size,
      },
      counters: copyOf(core.counters),
      gauges: core.gauges,
      states,
      transports,
      lagging: core.lagging,
      histograms: Object.fromEntries(histogramNames.map((name) => [name, figures[name].data])) as Record<
        HistogramName,
        HistogramData
      >,
      limitsRefused: { ...limits() },
      jobs: { ...jobs() },
      distinct: { users: users.data, sessions: sessions.data, addresses: addresses.data },
      durationsMs: closed.map(({ durationMs }) => durationMs),
      types: figures.typesOf(namespace)?.data ?? noTally,
      sessions: groupsOf(open, closed, ({ session }) => session, unixMs),
      addresses: groupsOf(open, closed, ({ address }) => address, unixMs),
      step,
      points: this.sampler.points(step),
    }
  }
}

/** With its records: whoever reads figures must not be able to change them. */
export const copyOf = (counters: Counters): Counters => structuredClone(counters)

/** A node of a newer or older version may answer otherwise; what it tells of is left out then. */
const isFigures = (answer: unknown): boolean =>
  typeof answer === 'object' && answer !== null && 'histograms' in answer && 'points' in answer && 'counters' in answer
