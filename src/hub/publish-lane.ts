import type { Timer } from '../clock.js'
import type { AppendResult, NewEvent } from '../store/store.js'

/** One publish that waits: what the store is given, all or nothing, and whoever waits for the answer. */
export interface WaitingPublish {
  /** Of its call, among all of this node. */
  readonly order: number
  readonly namespace: string
  readonly events: readonly NewEvent[]
  readonly bytes: number
  readonly resolve: (result: AppendResult) => void
  readonly reject: (error: unknown) => void
  /** Whether the store was ever given it. */
  tried: boolean
  /** When it was first sent without an answer (monotonic ms); null: it is known not to be stored. */
  unknownSinceMs: number | null
  /** How often a store that was there refused it as if it were not. */
  refusals: number
  /** Whether it is on its way right now. */
  sent: boolean
}

/** The publishes of one namespace that wait, in the order of their calls. */
export class PublishLane {
  readonly namespace: string
  /** Until then nothing is sent: the store is there and yet failed. */
  pause: Timer | null = null
  pauseMs = 0
  readonly #waiting: WaitingPublish[] = []
  #sent = 0

  constructor(namespace: string) {
    this.namespace = namespace
  }

  get empty(): boolean {
    return this.#waiting.length === 0
  }
  get sent(): number {
    return this.#sent
  }
  /** A copy: what is done with them takes them out. */
  get unsent(): readonly WaitingPublish[] {
    return this.#waiting.filter(({ sent }) => !sent)
  }

  /** Puts a publish where its call was: what comes back from the store is older than what was called meanwhile. */
  insert(publish: WaitingPublish): void {
    let low = 0
    let high = this.#waiting.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#waiting[middle] as WaitingPublish).order < publish.order) low = middle + 1
      else high = middle
    }
    this.#waiting.splice(low, 0, publish)
  }

  /** The oldest that is not on its way. What is on its way stands before it, and is never more than a window. */
  next(): WaitingPublish | undefined {
    return this.#waiting.find(({ sent }) => !sent)
  }

  markSent(publish: WaitingPublish): void {
    publish.sent = true
    publish.tried = true
    this.#sent++
  }

  markBack(publish: WaitingPublish): void {
    publish.sent = false
    this.#sent--
  }

  remove(publish: WaitingPublish): void {
    this.#waiting.splice(this.#waiting.indexOf(publish), 1)
  }

  stopPause(): void {
    this.pause?.cancel()
    this.pause = null
  }
}

/** Bytes of text, about, and what the objects around it take. */
export function bytesOf(events: readonly NewEvent[]): number {
  let bytes = 0
  for (const { body, topics } of events) {
    bytes += body.length + 256
    for (const topic of topics) bytes += topic.length
  }
  return bytes
}

/** What the store is given: after a first try it may know ids that were made for it. */
export const eventsToSend = ({ events, tried }: WaitingPublish): readonly NewEvent[] =>
  tried && events.some(({ fresh }) => fresh) ? events.map((event) => ({ ...event, fresh: false })) : events

/** An id that was made for this publish can only be known from its own first try: to the publisher that is no repetition. */
export function resultFor({ events, unknownSinceMs }: WaitingPublish, result: AppendResult): AppendResult {
  if (unknownSinceMs === null || result.outcome !== 'stored') return result
  return {
    ...result,
    events: result.events.map((answer, index) => (events[index]?.fresh ? { ...answer, duplicate: false } : answer)),
  }
}
