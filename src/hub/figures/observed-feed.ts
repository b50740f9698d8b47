import type { Clock } from '../../clock.js'
import type { Position } from '../../protocol/cursor.js'
import type { EndOfTick, Flushable } from '../end-of-tick.js'
import type { EncodedEvent } from '../frame.js'
import type { Tracing } from '../tracing.js'
import type { Figures } from './figures.js'

export interface ObservedFeedParts {
  readonly figures: Figures
  readonly clock: Clock
  readonly tracing: Tracing | null
  readonly endOfTick: EndOfTick
}

/** Hears of events that were just given to readers who were live, and when the feed brought them (monotonic ms). */
export type FeedObserver = (events: readonly EncodedEvent[], heardMs: number) => void

/** Times what the feed brings until it has been given to the sockets, which is after the outlets' turn at the end of the tick. */
export function observeFeed(parts: ObservedFeedParts): FeedObserver {
  return (events, heardMs) => {
    if (events.some(({ deliveries }) => deliveries > 0)) parts.endOfTick.add(new Given(parts, events, heardMs))
  }
}

/** What one call of the feed gave to readers, until that is written. */
class Given implements Flushable {
  readonly #parts: ObservedFeedParts
  readonly #events: readonly EncodedEvent[]
  readonly #heardMs: number

  constructor(parts: ObservedFeedParts, events: readonly EncodedEvent[], heardMs: number) {
    this.#parts = parts
    this.#events = events
    this.#heardMs = heardMs
  }

  flush(): void {
    const { figures, clock, tracing } = this.#parts
    const nowMs = clock.monotonic()
    const tookMs = nowMs - this.#heardMs
    let sum = 0
    for (const { event, position, deliveries } of this.#events) {
      if (deliveries === 0) continue
      const { epoch, seq } = position as Position
      sum += deliveries
      figures.times.written(epoch, seq, deliveries, nowMs)
      const parent = tracing?.parentOf(event.body)
      if (tracing && parent) tracing.delivered(parent, event.id, deliveries, clock.now() - tookMs, clock.now())
    }
    figures.feed.observe(tookMs / 1_000, sum)
  }
}
