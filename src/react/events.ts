import { useEffect, useInsertionEffect, useMemo, useRef } from 'react'
import type { HandlerOf, HandlersOf } from '../client/declared.js'
import { ClientError } from '../client/error.js'
import type { Client } from '../client/index.js'
import type { Readable } from '../client/status.js'
import type { Handler, SubscribeOptions } from '../client/topics.js'
import type { EventOf, EventOfType, FilterOf } from '../protocol/declared-events.js'
import type { TidingsEvent } from '../protocol/event.js'
import { useTidings } from './provider.js'
import { useReadable } from './readable.js'
import type { Registered } from './register.js'

export interface UseEventOptions extends Pick<SubscribeOptions, 'onGap'> {
  /** Hears this topic. Null: nothing, for a name that is not known yet. Default: what is addressed to the person. */
  readonly topic?: string | null | undefined
}

/**
 * Calls `handler` for each event of `type` (`'*'`: all) while the component is there, always the one of the last render.
 * The component does not render for it. `onGap` is that of `subscribe`, and needs a `topic`.
 */
export function useEvent<Type extends FilterOf<Registered> | '*'>(
  type: Type,
  handler: HandlerOf<Registered, Type>,
  { topic, onGap }: UseEventOptions = {},
): void {
  const client = useTidings()
  const told = { handler: handler as Handler, onGap }
  const latest = useRef(told)
  useInsertionEffect(() => {
    latest.current = told
  })
  useEffect(() => {
    const hear: Handler = (event) => latest.current.handler(event)
    return listen(client, [type], topic, hear, { onGap: (gap) => latest.current.onGap?.(gap) })
  }, [client, type, topic])
}

export interface UseEventsOptions extends Pick<UseEventOptions, 'topic'> {
  /** The newest that are kept. Default 100. */
  readonly limit?: number
}

/** An event of these types, where `'*'` is every type. */
export type EventOfFilter<Type extends string> = Type extends '*'
  ? EventOf<Registered>
  : // biome-ignore lint/suspicious/noExplicitAny: of a type that nobody declared nobody knows the shape of `data`
    EventOfType<Registered, Type, any>

/**
 * The newest events of a type, or of several, since the component is there: oldest first, at most `limit`. Empty again with
 * another type or topic. Throws where `limit` is not a whole number above 0.
 */
export function useEvents<const Type extends FilterOf<Registered> | '*'>(
  type: Type | readonly Type[],
  { topic, limit = 100 }: UseEventsOptions = {},
): readonly EventOfFilter<Type>[] {
  const client = useTidings()
  if (!Number.isInteger(limit) || limit < 1) {
    throw new ClientError('validation', '"limit" must be a whole number above 0.')
  }
  const list = useMemo(
    () => collect(client, [type].flat(), topic, limit),
    // Types are usually written where they are used, in an array that is new each time.
    [client, JSON.stringify(type), topic, limit],
  )
  return useReadable(list, none) as readonly EventOfFilter<Type>[]
}

const none: readonly TidingsEvent[] = []

function collect(
  client: Client<Registered>,
  types: readonly string[],
  topic: UseEventOptions['topic'],
  limit: number,
): Readable<readonly TidingsEvent[]> {
  let events = none
  return {
    getSnapshot: () => events,
    subscribe: (listener) =>
      listen(client, types, topic, (event) => {
        events = [...events, event].slice(-limit)
        listener()
      }),
  }
}

function listen(
  client: Client<Registered>,
  types: readonly string[],
  topic: UseEventOptions['topic'],
  handler: Handler,
  options?: SubscribeOptions,
): () => void {
  const undos =
    topic === undefined
      ? types.map((type) => client.on(type, handler as HandlerOf<Registered, string>))
      : topic === null
        ? []
        : [
            client.subscribe(
              topic,
              Object.fromEntries(types.map((type) => [type, handler])) as HandlersOf<Registered>,
              options,
            ),
          ]
  return () => {
    for (const undo of undos) undo()
  }
}
