import { type Clock, systemClock, wait } from '../../clock.js'
import { randomToken, systemRandom } from '../../random.js'
import { paths } from '../../protocol/names.js'
import { addressOf, refusalOf, type Target } from '../target.js'
import { BenchStream, stampOf } from './bench-stream.js'
import { mostAhead } from './once.js'
import { type Quantiles, Times } from './times.js'

export interface LoadOptions {
  readonly streams: number
  readonly topics: number
  /** Publishes a second, of all topics together. */
  readonly rate: number
  readonly durationMs: number
  /** JSON bytes of `data`, about. */
  readonly bytes: number
  /** The topic that begins those of the load. */
  readonly prefix: string
  /** What the n-th reader sends besides; the same number of readers is one person. */
  readonly readerOf: (index: number) => Promise<Target>
  readonly progress: (phase: string, share: number) => void
}

export interface LoadReport {
  readonly streams: {
    readonly asked: number
    readonly open: number
    readonly refused: Readonly<Record<string, number>>
    readonly cut: number
  }
  readonly connectMs: Quantiles | null
  readonly publishes: {
    readonly sent: number
    readonly refused: Readonly<Record<string, number>>
    readonly perSecond: number
  }
  readonly publishMs: Quantiles | null
  /** From handing a publish to the network to having its event, in this process. */
  readonly latencyMs: Quantiles | null
  readonly deliveries: {
    readonly expected: number
    readonly received: number
    readonly perSecond: number
    readonly lost: number
    readonly repeated: number
    /** Events that came after one with a later place in the log. */
    readonly disordered: number
  }
  readonly seconds: number
}

/** Streams that are being opened at the same time: a hub answers a crowd, and this process has to as well. */
const opening = 50
/** What was published last is waited for so long. */
const settleMs = 5_000
/** Reasons for refusals that are told apart: a hub may put what it likes into their words. */
const mostReasons = 20
const otherReasons = 'for other reasons'

/** Opens streams on a hub, publishes at a rate, and counts what comes (O5). Bounded by its options; cleans up after itself. */
export async function load(target: Target, options: LoadOptions, clock: Clock = systemClock): Promise<LoadReport> {
  const { progress, durationMs, rate } = options
  const run = `${options.prefix}:${randomToken(systemRandom, 8)}`
  const topics = Array.from({ length: options.topics }, (_, index) => `${run}:${index}`)
  const latency = new Times()
  let cut = 0
  const streams = Array.from(
    { length: options.streams },
    (_, index) => new BenchStream(topics[index % topics.length] as string),
  )
  const listener = {
    received: (_: BenchStream, sentMs: number) => latency.add(clock.monotonic() - sentMs),
    ended: () => void cut++,
  }
  try {
    await openAll(streams, options, listener)
    const open = streams.filter(({ connectMs }) => connectMs !== null)
    const readers = new Map(topics.map((topic) => [topic, open.filter((stream) => stream.topic === topic).length]))
    const beganMs = clock.monotonic()
    const padding = 'x'.repeat(Math.max(0, options.bytes - 50))
    const publishTimes = new Times()
    const connectTimes = new Times()
    for (const { connectMs } of open) connectTimes.add(connectMs as number)
    const refused: Record<string, number> = {}
    const underWay = new Map<number, Promise<void>>()
    let expected = 0
    let sent = 0
    while (open.length > 0 && clock.monotonic() - beganMs < durationMs) {
      const dueAt = beganMs + (sent / rate) * 1_000
      const early = dueAt - clock.monotonic()
      if (early > 0)
        await wait(clock, Math.min(early, beganMs + durationMs - clock.monotonic()), undefined, { keepsProcess: true })
      if (early > 0 && clock.monotonic() < dueAt) continue
      const number = sent++
      // A hub that is slower than the rate is not sent more, and its readers can tell what has been there before.
      await underWay.get(number - mostAhead)
      const topic = topics[number % topics.length] as string
      const sentMs = clock.monotonic()
      const data = { ...stampOf(Math.floor(number / topics.length), sentMs), padding }
      const publishing = publish(target, topic, data).then((refusal) => {
        underWay.delete(number)
        if (refusal !== null) countIn(refused, refusal)
        else {
          publishTimes.add(clock.monotonic() - sentMs)
          expected += readers.get(topic) ?? 0
        }
      })
      underWay.set(number, publishing)
      progress('publishing', (clock.monotonic() - beganMs) / durationMs)
    }
    await Promise.all(underWay.values())
    const tookMs = clock.monotonic() - beganMs
    for (const until = clock.monotonic() + settleMs; latency.count < expected && clock.monotonic() < until; )
      await wait(clock, 20, undefined, { keepsProcess: true })
    const received = latency.count
    return {
      streams: {
        asked: streams.length,
        open: open.length,
        refused: tally(streams.flatMap(({ connectMs, failure }) => (connectMs === null ? (failure ?? 'unknown') : []))),
        cut,
      },
      connectMs: connectTimes.quantiles,
      publishes: { sent, refused, perSecond: perSecond(sent, tookMs) },
      publishMs: publishTimes.quantiles,
      latencyMs: latency.quantiles,
      deliveries: {
        expected,
        received,
        perSecond: perSecond(received, tookMs),
        lost: Math.max(0, expected - received),
        repeated: open.reduce((sum, { repeated }) => sum + repeated, 0),
        disordered: open.reduce((sum, { disordered }) => sum + disordered, 0),
      },
      seconds: Math.round(tookMs / 100) / 10,
    }
  } finally {
    for (const stream of streams) stream.close()
  }
}

async function openAll(
  streams: readonly BenchStream[],
  { readerOf, progress }: LoadOptions,
  listener: Parameters<BenchStream['open']>[2],
): Promise<void> {
  let next = 0
  let done = 0
  const worker = async (): Promise<void> => {
    for (let index = next++; index < streams.length; index = next++) {
      const stream = streams[index] as BenchStream
      const reader = await readerOf(index)
      await stream.open(addressOf(reader, paths.events, [['topic', stream.topic]]), reader.headers, listener)
      progress('connecting', ++done / streams.length)
    }
  }
  await Promise.all(Array.from({ length: Math.min(opening, streams.length) }, worker))
}

/** Null: stored. Volatile events would spare the log, and measure something else. */
async function publish(target: Target, topic: string, data: object): Promise<string | null> {
  try {
    const response = await fetch(addressOf(target, paths.events), {
      method: 'POST',
      headers: { ...target.headers, 'Content-Type': 'application/json' },
      body: JSON.stringify({ topic, type: 'tidings.bench', data }),
    })
    if (response.ok) {
      await response.arrayBuffer()
      return null
    }
    const { status, message } = await refusalOf(response)
    return `${status} ${message.slice(0, 200)}`
  } catch (error) {
    return (error as Error).message
  }
}

const perSecond = (count: number, ms: number): number => (ms > 0 ? Math.round((count / ms) * 1_000) : 0)

function tally(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of names) countIn(counts, name)
  return counts
}

function countIn(counts: Record<string, number>, name: string): void {
  const known = name in counts || Object.keys(counts).length < mostReasons ? name : otherReasons
  counts[known] = (counts[known] ?? 0) + 1
}
