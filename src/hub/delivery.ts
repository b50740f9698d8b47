import type { Position } from '../protocol/cursor.js'
import type { Activity } from './activity.js'
import type { HubContext } from './context.js'
import type { EncodedEvent } from './frame.js'
import type { Interest } from './interest.js'
import type { JobEndings } from './job-endings.js'
import type { Outlet } from './outlet.js'

/** Puts on one reader's outlet what it should have of the log, and knows up to where that was done. */
export class Delivery {
  readonly outlet: Outlet
  readonly interest: Interest
  /** Null where the stream does not end by itself. */
  readonly endings: JobEndings | null
  /** At or below it everything was sent, or withheld on purpose (D7). Null while only the store, which is away, could tell it. */
  position: Position | null = null
  readonly #context: HubContext
  readonly #activity: Activity
  readonly #named: boolean

  constructor(
    context: HubContext,
    outlet: Outlet,
    interest: Interest,
    endings: JobEndings | null,
    activity: Activity,
    named: boolean,
  ) {
    this.outlet = outlet
    this.interest = interest
    this.endings = endings
    this.#context = context
    this.#activity = activity
    this.#named = named
  }

  /** Whether what is at `position` was delivered. */
  isPast({ epoch, seq }: Position): boolean {
    return epoch === this.position?.epoch && seq <= this.position.seq
  }

  /** Sends the event if the reader should have it. One that has no place in the log moves nothing. */
  take(encoded: EncodedEvent): void {
    const { event, position } = encoded
    const topics = this.interest.topicsOf(encoded)
    this.endings?.note(event)
    if (topics) {
      this.outlet.push(encoded.frame(topics, this.#named))
      encoded.deliveries++
      this.#context.counters.delivered++
      this.#activity.sentEvent(this.#context.wheel.coarseMs, event.type)
      if (event.priority === 'critical') this.outlet.flush()
    }
    if (position) this.position = position
  }
}
