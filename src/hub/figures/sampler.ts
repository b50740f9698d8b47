import type { Clock, Timer } from '../../clock.js'
import { type EventLoopDelay, EventLoop } from './event-loop.js'
import type { Figures } from './figures.js'
import { type HistogramData, countOf, quantileMs, sinceHistogram } from './histogram.js'

/** One moment of the charts. Rates are of the step that ends at `at`. */
export interface Point {
  /** Unix ms, a whole multiple of the step. */
  readonly at: number
  readonly connections: number
  /** Streams that have not had what they could have. */
  readonly lagging: number
  /** Events stored and events delivered, a second. */
  readonly inPerSecond: number
  readonly outPerSecond: number
  /** From append to written; null: nothing was delivered. */
  readonly p50Ms: number | null
  readonly p99Ms: number | null
  readonly eventLoopMs: number | null
  readonly opened: number
  readonly closed: number
  readonly returned: number
  readonly errors: number
  readonly refused: number
}

/** The lengths of the steps that charts are kept in, and how many of each: five minutes, and an hour. */
export const steps = [
  { seconds: 1, points: 300 },
  { seconds: 10, points: 360 },
] as const
export type StepSeconds = (typeof steps)[number]['seconds']

export interface SamplerParts {
  readonly figures: Figures
  readonly clock: Clock
  readonly now: () => { readonly connections: number; readonly lagging: number }
}

/** What counters stood at when a step began. */
interface Mark {
  readonly atMs: number
  readonly stored: number
  readonly delivered: number
  readonly opened: number
  readonly closed: number
  readonly returned: number
  readonly errors: number
  readonly refused: number
  readonly delivery: HistogramData
  readonly feed: HistogramData
}

/** Once a second a line for the charts, kept for a while: one timer, whatever the number of readers. */
export class Sampler {
  readonly #parts: SamplerParts
  readonly #eventLoop = new EventLoop()
  readonly #series: { readonly seconds: StepSeconds; readonly points: Point[]; readonly most: number; mark: Mark }[]
  #longestMs = 0
  #last: EventLoopDelay | null = null
  #timer: Timer | null = null
  #second: number | null = null

  constructor(parts: SamplerParts) {
    this.#parts = parts
    const mark = this.#mark()
    this.#series = steps.map(({ seconds, points }) => ({ seconds, points: [], most: points, mark }))
  }

  start(): void {
    const { clock } = this.#parts
    const turn = (): void => {
      this.#timer = clock.setTimer(turn, 1_000 - (clock.now() % 1_000) || 1_000)
      this.#turn()
    }
    this.#timer = clock.setTimer(turn, 1_000 - (clock.now() % 1_000) || 1_000)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#eventLoop.close()
  }

  /** The last whole second's; null before it, and where the runtime cannot tell. */
  get eventLoop(): EventLoopDelay | null {
    return this.#last
  }

  points(seconds: StepSeconds): readonly Point[] {
    return this.#series.find((each) => each.seconds === seconds)?.points ?? []
  }

  #turn(): void {
    const { figures, clock, now } = this.#parts
    const second = Math.round(clock.now() / 1_000)
    // A timer may come a millisecond early, and then again at the second that it was meant for.
    if (second === this.#second) return
    this.#second = second
    this.#last = this.#eventLoop.read()
    if (this.#last) {
      figures.eventLoop.observe(this.#last.maxMs / 1_000)
      this.#longestMs = Math.max(this.#longestMs, this.#last.maxMs)
    }
    const mark = this.#mark()
    const moment = now()
    for (const series of this.#series) {
      if (second % series.seconds !== 0) continue
      const { points, seconds, most } = series
      const eventLoopMs = seconds === 1 ? (this.#last?.maxMs ?? null) : this.#last && this.#longestMs
      points.push({ at: second * 1_000, ...moment, ...between(series.mark, mark), eventLoopMs })
      if (points.length > most) points.shift()
      series.mark = mark
      if (seconds === 1) continue
      this.#longestMs = 0
      figures.turn()
    }
  }

  #mark(): Mark {
    const { figures, clock } = this.#parts
    const { stored, delivered, opened, closed, returned, errors, refusedBy } = figures.counters
    let refused = 0
    for (const code in refusedBy) refused += refusedBy[code] as number
    return {
      atMs: clock.monotonic(),
      ...{ stored, delivered, opened, closed, returned, errors, refused },
      delivery: figures.delivery.data,
      feed: figures.feed.data,
    }
  }
}

function between(from: Mark, to: Mark): Omit<Point, 'at' | 'connections' | 'lagging' | 'eventLoopMs'> {
  const elapsed = Math.max(1, to.atMs - from.atMs) / 1_000
  const rate = (count: number): number => Math.round((count / elapsed) * 10) / 10
  const delivery = sinceHistogram(to.delivery, from.delivery)
  // Where nothing was published on this node, how quickly it passes on what it hears is all it knows.
  const latency = countOf(delivery) > 0 ? delivery : sinceHistogram(to.feed, from.feed)
  return {
    inPerSecond: rate(to.stored - from.stored),
    outPerSecond: rate(to.delivered - from.delivered),
    p50Ms: quantileMs(latency, 0.5),
    p99Ms: quantileMs(latency, 0.99),
    opened: to.opened - from.opened,
    closed: to.closed - from.closed,
    returned: to.returned - from.returned,
    errors: to.errors - from.errors,
    refused: to.refused - from.refused,
  }
}
