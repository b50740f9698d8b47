/** What a histogram holds, as plain data: nodes send it to each other. Not cumulative; the last count is beyond all bounds. */
export interface HistogramData {
  readonly counts: readonly number[]
  readonly sum: number
}

/** Seconds, from half a millisecond to half a minute: what people call fast, slow and broken, each told apart. */
export const latencyBounds = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
] as const

/** Counts of durations in fixed buckets. Seconds, as Prometheus wants them. */
export class Histogram {
  readonly #counts = new Float64Array(latencyBounds.length + 1)
  #sum = 0

  /** `times`: how many had this duration together. */
  observe(seconds: number, times = 1): void {
    let bucket = 0
    while (bucket < latencyBounds.length && seconds > (latencyBounds[bucket] as number)) bucket++
    this.#counts[bucket] = (this.#counts[bucket] as number) + times
    this.#sum += seconds * times
  }

  get data(): HistogramData {
    return { counts: [...this.#counts], sum: this.#sum }
  }
}

export const noDurations: HistogramData = { counts: latencyBounds.map(() => 0).concat(0), sum: 0 }

export const countOf = ({ counts }: HistogramData): number => counts.reduce((total, count) => total + count, 0)

export const addHistograms = (a: HistogramData, b: HistogramData): HistogramData => ({
  counts: a.counts.map((count, index) => count + (b.counts[index] ?? 0)),
  sum: a.sum + b.sum,
})

/** What was counted since `before`. */
export const sinceHistogram = (now: HistogramData, before: HistogramData): HistogramData => ({
  counts: now.counts.map((count, index) => count - (before.counts[index] ?? 0)),
  sum: now.sum - before.sum,
})

/**
 * The duration (ms) that `share` of all stay below, to a bucket, and within it as if they were spread evenly. Null: nothing
 * was counted. Beyond the last bound it is that bound.
 */
export function quantileMs(data: HistogramData, share: number): number | null {
  const all = countOf(data)
  if (all === 0) return null
  const wanted = all * share
  let passed = 0
  for (const [index, count] of data.counts.entries()) {
    if (passed + count < wanted || count === 0) {
      passed += count
      continue
    }
    const from = latencyBounds[index - 1] ?? 0
    const to = latencyBounds[index] ?? from
    return round((from + (to - from) * ((wanted - passed) / count)) * 1_000)
  }
  return (latencyBounds.at(-1) as number) * 1_000
}

const round = (ms: number): number => Math.round(ms * 100) / 100

/** A histogram in the figures that people read. */
export interface Latency {
  readonly count: number
  readonly averageMs: number | null
  readonly p50Ms: number | null
  readonly p95Ms: number | null
  readonly p99Ms: number | null
}

export function latencyOf(data: HistogramData): Latency {
  const count = countOf(data)
  return {
    count,
    averageMs: count === 0 ? null : round((data.sum / count) * 1_000),
    p50Ms: quantileMs(data, 0.5),
    p95Ms: quantileMs(data, 0.95),
    p99Ms: quantileMs(data, 0.99),
  }
}
