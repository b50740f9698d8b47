import { TidingsError } from '../errors.js'
import type { TidingsEvent } from '../protocol/event.js'
import type { EncodedEvent } from './frame.js'
import type { HubContext } from './context.js'
import type { JobSnapshot } from './notices.js'
import type { Reader } from './reader.js'
import { frozen } from './shown.js'

/**
 * Whether this reader may have this event, by what is in it (A3). Asked for live events, replay and polls alike, and, as
 * type `snapshot`, for the state of a job. Anything but `true` holds the event back.
 */
export type EventFilter = (reader: Reader, event: TidingsEvent) => boolean

/** It runs in the way of every event, so one that takes this long is out of order: its answer comes too late. */
const longestMs = 1_000

/** The application's filter, before one reader. Made only where there is a filter. */
export class Gate {
  readonly #context: HubContext
  readonly #filter: EventFilter
  readonly #reader: Reader

  constructor(context: HubContext, filter: EventFilter, reader: Reader) {
    this.#context = context
    this.#filter = filter
    this.#reader = reader
  }

  lets(encoded: EncodedEvent, topics: readonly string[]): boolean {
    // As this reader would receive it: it must not matter to whom else it was sent.
    return this.#asks(encoded.shown(topics))
  }

  letsSnapshot({ job, position }: JobSnapshot, topic: string): boolean {
    return this.#asks(
      frozen({
        id: `${job.id}:${job.version}`,
        type: 'snapshot',
        topic,
        seq: position.seq,
        timestamp: this.#context.clock.now(),
        priority: 'normal',
        source: 'tidings',
        version: 1,
        data: structuredClone(job),
      } as TidingsEvent),
    )
  }

  #asks(event: TidingsEvent): boolean {
    const { clock, counters, onError } = this.#context
    const beganMs = clock.monotonic()
    let answer: unknown
    try {
      answer = this.#filter(this.#reader, event)
      const tookMs = clock.monotonic() - beganMs
      if (typeof answer !== 'boolean')
        throw wrong(`"filter" must answer true or false at once, and answered ${kindOf(answer)}`)
      if (tookMs > longestMs) throw wrong(`"filter" took ${Math.round(tookMs)} ms`)
    } catch (error) {
      onError(error, 'filter')
      answer = false
    }
    if (answer !== true) counters.withheld++
    return answer === true
  }
}

export function gateOf(context: HubContext, reader: Reader | undefined): Gate | null {
  return context.filter && reader ? new Gate(context, context.filter, reader) : null
}

/** A promise that nobody waits for must not bring the process down when it is rejected. */
function kindOf(answer: unknown): string {
  if (answer instanceof Promise) answer.catch(() => undefined)
  return answer instanceof Promise ? 'a promise' : typeof answer
}

const wrong = (message: string): TidingsError => new TidingsError('handler', `${message}; the event is held back.`)
