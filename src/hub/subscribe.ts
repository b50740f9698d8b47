import { TidingsError } from '../errors.js'
import type { GapNotice } from '../protocol/control.js'
import type { TidingsEvent } from '../protocol/event.js'
import { checkTopic } from '../protocol/topic.js'
import type { HubCore } from './hub.js'
import { parseSince } from './start.js'
import { Subscription } from './subscription.js'

export interface SubscribeOptions<Type extends string = string> {
  /** `start`, `now` (default), a cursor, or `@<unix ms>`. */
  readonly since?: string
  /** Only these types; default all. */
  readonly types?: readonly Type[]
  readonly signal?: AbortSignal
  /** Told where history is missing (D4). */
  readonly onGap?: (gap: GapNotice) => void
}

/** Reads topics in this process (D9): a connection like any other, whose outlet is an iterator. See {@link Hub.subscribe}. */
export function subscribe(
  core: HubCore,
  namespace: string,
  topics: readonly string[],
  { since = 'now', types, signal, onGap }: SubscribeOptions = {},
): AsyncIterableIterator<TidingsEvent> {
  const wanted = [...new Set(topics.map((topic, index) => checkTopic(topic, `topics[${index}]`)))]
  if (wanted.length === 0)
    throw new TidingsError('topic_invalid', 'subscribe needs at least one topic.', { field: 'topics' })
  const request = {
    namespace,
    topics: wanted,
    types: types?.map((type, index) => core.checkFilter(type, `types[${index}]`)) ?? null,
    named: true,
    start: parseSince(since),
  }
  const stop = (): void => void subscription.return()
  const ended = (): void => signal?.removeEventListener('abort', stop)
  const subscription = new Subscription(onGap, (event) => received(core, event), ended)
  if (signal?.aborted) {
    stop()
    return subscription
  }
  signal?.addEventListener('abort', stop, { once: true })
  core
    .connect(request, () => subscription)
    .then(
      (connection) => connection ?? subscription.end(),
      (error: unknown) => subscription.fail(error),
    )
  return subscription
}

/** The event with what its schema makes of it; null where it does not fit, which is reported once. */
function received(core: HubCore, event: TidingsEvent): TidingsEvent | null {
  try {
    return core.events ? core.events.receive(event) : event
  } catch (error) {
    core.onError(error, 'receive')
    return null
  }
}
