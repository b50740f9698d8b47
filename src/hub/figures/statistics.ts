import { TidingsError } from '../../errors.js'
import { type ConnectionState, connectionStates } from '../activity.js'
import type { Counters } from '../counters.js'
import type { HubCore } from '../hub.js'
import type { LimitStats } from '../limits/limits.js'
import { comesBack } from '../start.js'
import type { Scrape } from './catalogue.js'
import { Distinct } from './distinct.js'
import { type Member, groupsOf } from './groups.js'
import { heardFigures } from './heard-figures.js'
import type { HistogramData } from './histogram.js'
import { KeptSamples } from './kept.js'
import {
  type HistogramName,
  type NodeFigures,
  type NodeTotals,
  type Transport,
  histogramNames,
} from './node-figures.js'
import { Sampler, type StepSeconds, steps } from './sampler.js'
import { type Stats, joinNodes } from './stats.js'
import { noTally } from './tally.js'

export interface StatisticsParts {
  readonly core: HubCore
  /** What jobs count, by name. */
  readonly jobs: () => Readonly<Record<string, number>>
  readonly limits: () => LimitStats
  readonly clockTimers: () => number
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
  readonly #kept: KeptSamples
  readonly #parts: StatisticsParts
  readonly #startedAt: number
  readonly #startedMs: number

  constructor(parts: StatisticsParts) {
    this.#parts = parts
    const { core } = parts
    this.#startedAt = Math.round(core.clock.now())
    this.#startedMs = core.clock.monotonic()
    const { figures, clock } = core
    this.#kept = new KeptSamples(core.store, clock)
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
    const [{ answers, missing }, kept] = presence.available
      ? await Promise.all([control.nodes.ask('stats', asked), this.#kept.of(namespace)])
      : [{ answers: [], missing: control.nodes.others }, null]
    const here = this.here(namespace, step)
    const others = answers.flatMap((answer) => heardFigures(answer, step) ?? [])
    return joinNodes([here, ...others], { missing, kept, at: Math.round(clock.now()) })
  }

  /** What Prometheus is told: {@link totals}, and what the whole store keeps. */
  async scrape(): Promise<Scrape> {
    const kept = this.#parts.core.presence.available ? await this.#kept.ofAll() : null
    return { ...this.totals(), kept }
  }

  /** Of this node alone, without lists: cheap, at ten thousand connections too. */
  totals(): NodeTotals {
    const { core, jobs, limits, clockTimers } = this.#parts
    const { clock, figures, control, presence, store } = core
    const matrix = Object.fromEntries(
      connectionStates.map((state) => [state, { sse: 0, poll: 0, process: 0 }]),
    ) as Record<ConnectionState, Record<Transport, number>>
    const nowMs = clock.monotonic()
    let topicSubscriptions = 0
    for (const connection of core.openConnections) {
      topicSubscriptions += connection.topics.length
      matrix[connection.activity.stateAt(nowMs, connection.stalledMs).state][connection.transport]++
    }
    const { rss, heapUsed, heapTotal, external } = process.memoryUsage()
    const { refused, keys } = limits()
    return {
      node: {
        id: control.nodes.id,
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
      matrix,
      lagging: core.lagging,
      topicSubscriptions,
      clockTimers: clockTimers(),
      histograms: Object.fromEntries(histogramNames.map((name) => [name, figures[name].data])) as Record<
        HistogramName,
        HistogramData
      >,
      limitKeys: keys,
      limitsRefused: { ...refused },
      jobs: { ...jobs() },
      nodes: control.nodes.others.length + 1,
    }
  }

  /** Of this node alone, its lists of one namespace. */
  here(namespace: string, step: StepSeconds = 1): NodeFigures {
    const { clock, figures, control, openConnections } = this.#parts.core
    const closed = control.here.closed({ namespace, filter: {} })
    const users = new Distinct()
    const sessions = new Distinct()
    const addresses = new Distinct()
    const unixMs = clock.now()
    const atZeroMs = unixMs - clock.monotonic()
    const members: Member[] = []
    for (const connection of openConnections) {
      if (connection.namespace !== namespace || connection.transport === 'process') continue
      const { activity, options } = connection
      const { reader, address, start } = options
      if (reader?.userId !== undefined) users.add(reader.userId)
      if (reader?.sessionId !== undefined) sessions.add(reader.sessionId)
      if (address !== undefined) addresses.add(address)
      members.push({
        user: reader?.userId,
        session: reader?.sessionId,
        address,
        sent: activity.events,
        byType: activity.types?.counts ?? [],
        errors: activity.errors,
        returned: comesBack(start),
        opened: atZeroMs + activity.openedMs,
      })
    }
    for (const report of closed) if (report.transport !== 'process') members.push(report)
    return {
      ...this.totals(),
      distinct: { users: users.data, sessions: sessions.data, addresses: addresses.data },
      durationsMs: closed.map(({ durationMs }) => durationMs),
      types: figures.typesOf(namespace)?.data ?? noTally,
      sessions: groupsOf(members, ({ session }) => session, unixMs),
      addresses: groupsOf(members, ({ address }) => address, unixMs),
      step,
      points: this.sampler.points(step),
    }
  }
}

/** With its records: whoever reads figures must not be able to change them. */
export const copyOf = (counters: Counters): Counters => structuredClone(counters)
