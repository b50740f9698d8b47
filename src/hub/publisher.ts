import type { Clock } from '../clock.js'
import { TidingsError } from '../errors.js'
import { formatCursor } from '../protocol/cursor.js'
import type { AppendResult, NewEvent, Store, StoredEvent } from '../store/store.js'
import type { Channels } from './channels.js'
import type { Counters } from './counters.js'
import { LateFailures } from './late-failures.js'
import type { Draft, PublishResult } from './publish.js'
import { PublishQueue } from './publish-queue.js'
import type { HubSettings } from './settings.js'
import type { StorePresence } from './store-presence.js'
import type { Tracing } from './tracing.js'
import { encodeWord } from './words.js'

export interface PublisherParts {
  readonly store: Store
  readonly presence: StorePresence
  readonly channels: Channels
  readonly clock: Clock
  readonly settings: HubSettings
  readonly counters: Counters
  readonly tracing: Tracing | null
  /** Told to whoever is refused for a time. */
  readonly retryAfterMs: () => number
  readonly onError: (error: unknown, stage: string) => void
}

/** Takes what has been checked to the store, all or nothing, and what is volatile to whoever is live. */
export class Publisher {
  readonly queue: PublishQueue
  readonly #parts: PublisherParts
  readonly #late: LateFailures

  constructor(parts: PublisherParts) {
    this.#parts = parts
    const { publishQueue: limits } = parts.settings
    this.queue = new PublishQueue({ ...parts, limits })
    this.#late = new LateFailures(parts.clock, parts.onError)
  }

  /** Pending for as long as the store is away (S5). Answers each draft in its order. */
  async publish(
    namespace: string,
    drafts: readonly Draft[],
    traceparent: string | null = null,
  ): Promise<PublishResult[]> {
    const { counters } = this.#parts
    const logged: NewEvent[] = []
    for (const { event, volatile } of drafts) if (!volatile) logged.push(event)
    const results =
      logged.length === drafts.length
        ? await this.#append(namespace, logged, traceparent)
        : await this.#publishMixed(namespace, drafts, logged, traceparent)
    for (const result of results) counters[result.duplicate ? 'duplicates' : 'published']++
    return results
  }

  /** Refusals are thrown inside the span, which says so. */
  #append(
    namespace: string,
    events: readonly NewEvent[],
    traceparent: string | null,
    waiting?: () => void,
  ): Promise<PublishResult[]> {
    const { tracing } = this.#parts
    const run = (those: readonly NewEvent[]): Promise<PublishResult[]> =>
      this.queue.append(namespace, those, waiting).then((result) => answersOf(namespace, result))
    return tracing ? tracing.publish(events, traceparent, run) : run(events)
  }

  async #publishMixed(
    namespace: string,
    drafts: readonly Draft[],
    logged: readonly NewEvent[],
    traceparent: string | null,
  ): Promise<PublishResult[]> {
    let delivered = false
    const deliver = (): void => {
      if (!delivered) this.#deliver(namespace, drafts)
      delivered = true
    }
    // What is volatile does not wait for the store: later it would be old.
    const answers = logged.length > 0 ? await this.#append(namespace, logged, traceparent, deliver) : []
    deliver()
    let next = 0
    return drafts.map(({ event, volatile }) =>
      volatile ? { id: event.id, cursor: null } : (answers[next++] as PublishResult),
    )
  }

  /** The same for whoever does not wait for longer than `publishQueue.answerMs`: null then, and the publish goes on. */
  publishSoon(
    namespace: string,
    drafts: readonly Draft[],
    traceparent: string | null,
  ): Promise<PublishResult[] | null> {
    const { presence, clock, settings } = this.#parts
    const work = this.publish(namespace, drafts, traceparent)
    if (!presence.remote) return work
    return new Promise((resolve, reject) => {
      const timer = clock.setTimer(() => {
        this.#late.watch(work)
        resolve(null)
      }, settings.publishQueue.answerMs)
      work.then(resolve, reject).finally(() => timer.cancel())
    })
  }

  /** The last word on publishes that nobody waits for any more: after it nothing can fail. */
  tellLate(): void {
    this.#late.tell()
  }

  #deliver(namespace: string, drafts: readonly Draft[]): void {
    const { store, presence, channels, clock, onError } = this.#parts
    for (const { event: given, volatile } of drafts) {
      if (!volatile) continue
      const event: StoredEvent = { ...given, seq: 0, timestamp: clock.now() }
      channels.find(namespace)?.audience.offerVolatile(event)
      if (!store.others || !presence.available) continue
      store.others.tell(namespace, encodeWord({ kind: 'volatile', event })).catch((error: unknown) => {
        if (!presence.explains(error)) onError(error, 'volatile')
      })
    }
  }
}

/** What the store's answer means for each event; throws its refusals. */
function answersOf(namespace: string, result: AppendResult): PublishResult[] {
  if (result.outcome === 'reused') {
    throw new TidingsError(
      'id_reused',
      `Id "${result.id}" was used for other content. Make a new id for a new event.`,
      { field: 'id' },
    )
  }
  if (result.outcome === 'quota') {
    throw new TidingsError(
      'quota',
      `Namespace "${namespace}" keeps ${result.keptBytes} bytes; its quota is ${result.quotaBytes}. Nothing was stored.`,
      { retryAfterMs: 60_000 },
    )
  }
  if (result.outcome === 'forgotten') {
    throw new TidingsError(
      'indeterminate',
      'It stayed unknown for longer than the store remembers ids whether this was stored. Publish it again, if it still matters.',
    )
  }
  if (result.outcome !== 'stored')
    throw new TidingsError('internal', `The store answered "${result.outcome}" to a publish.`)
  const { epoch } = result.position
  return result.events.map(({ id, seq, duplicate }) => {
    const cursor = formatCursor({ epoch, seq })
    return duplicate ? { id, cursor, duplicate } : { id, cursor }
  })
}
