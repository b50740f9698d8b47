import type { Incoming } from '../../auth/incoming.js'
import type { Principal } from '../../auth/principal.js'
import { TidingsError } from '../../errors.js'
import type { Outlet } from '../../hub/outlet.js'
import { draftOf } from '../../hub/publish.js'
import { formatCursor } from '../../protocol/cursor.js'
import { defaults } from '../../protocol/defaults.js'
import { headers as headerNames, mediaTypes } from '../../protocol/names.js'
import type { Access } from '../access.js'
import { type Answer, json, jsonText, noContent } from '../answer.js'
import { readJson } from '../body.js'
import { type EventsQuery, parseEventsQuery } from '../events-query.js'
import type { HttpParts } from '../parts.js'
import { PollOutlet, type PollResult } from '../poll-outlet.js'

/** Makes the outlet that carries a stream, with its response headers. */
export type OpenStream = (headers: Readonly<Record<string, string>>) => Outlet

/** `GET /events`: a stream over `openStream` (then the result is null), or one poll. */
export async function getEvents(
  parts: HttpParts,
  access: Access,
  request: Incoming,
  openStream: OpenStream,
): Promise<Answer | null> {
  const principal = await parts.authenticate(request)
  const query = parseEventsQuery(request, parts.core)
  const topics = await access.topicsFor(principal, query.topics, query.own)
  return query.poll
    ? poll(parts, principal, topics, query, query.poll, request.signal)
    : stream(parts, principal, topics, query, openStream)
}

async function stream(
  parts: HttpParts,
  principal: Principal,
  topics: readonly string[],
  query: EventsQuery,
  openStream: OpenStream,
): Promise<Answer | null> {
  const connection = await parts.core.connect(connectRequest(principal, topics, query), (connectionId) =>
    openStream({
      'Content-Type': `${mediaTypes.stream}; charset=utf-8`,
      'Cache-Control': 'no-store, no-transform',
      'X-Accel-Buffering': 'no',
      [headerNames.connectionId]: connectionId,
    }),
  )
  return connection ? null : noContent
}

async function poll(
  parts: HttpParts,
  principal: Principal,
  topics: readonly string[],
  query: EventsQuery,
  { limit, waitMs }: NonNullable<EventsQuery['poll']>,
  signal: AbortSignal,
): Promise<Answer> {
  const { core } = parts
  let answer: (result: PollResult) => void = () => {}
  const answered = new Promise<PollResult>((resolve) => {
    answer = resolve
  })
  const outlet = new PollOutlet({
    limit,
    waitMs,
    maxBytes: core.settings.bodyBytes,
    clock: core.clock,
    endOfTick: core.endOfTick,
    answer,
  })
  const connection = await core.connect(connectRequest(principal, topics, query), () => outlet)
  if (!connection) return noContent
  const stop = (): void => outlet.end()
  if (signal.aborted) stop()
  signal.addEventListener('abort', stop, { once: true })
  try {
    const result = await answered
    const { cursor, failure } = connection
    const isEmpty = result.envelopes.length + result.gaps.length + result.snapshots.length === 0
    // An answer without events would say that there was nothing.
    if (cursor === null || (failure !== null && isEmpty)) throw failure ?? endedEarly(core)
    return pollResponse(
      result,
      formatCursor(cursor),
      connection.upToDate && failure === null,
      core.settings.heartbeatMs,
    )
  } finally {
    signal.removeEventListener('abort', stop)
    connection.gone()
  }
}

/** Why a poll ended before it had a place: it is tried again, elsewhere or later. */
const endedEarly = (core: HttpParts['core']): TidingsError =>
  new TidingsError('draining', 'This hub is shutting down.', { retryAfterMs: core.returnDelayMs('shutdown') })

function pollResponse(result: PollResult, cursor: string, upToDate: boolean, heartbeatMs: number): Answer {
  const rest = JSON.stringify({
    protocol: defaults.protocolVersion,
    cursor,
    upToDate,
    heartbeatMs,
    ...(result.gaps.length > 0 && { gaps: result.gaps }),
    ...(result.snapshots.length > 0 && { snapshots: result.snapshots }),
  })
  // The envelopes are JSON already, encoded once at publish.
  return jsonText(`{"events":[${result.envelopes.join(',')}],${rest.slice(1)}`)
}

const connectRequest = (principal: Principal, topics: readonly string[], query: EventsQuery) => ({
  namespace: principal.namespace,
  topics,
  types: query.types,
  named: query.named,
  start: query.start,
  expiresAt: principal.expiresAt,
})

/** `POST /events`: one event, or an array of which all or none are stored. 202: it waits for the store (S5). */
export async function postEvents(parts: HttpParts, access: Access, request: Incoming): Promise<Answer> {
  const principal = await parts.authenticate(request)
  const { settings } = parts.core
  const body = await readJson(request, settings.bodyBytes)
  const isBatch = Array.isArray(body)
  const inputs: readonly unknown[] = isBatch ? body : [body]
  if (inputs.length === 0 || inputs.length > settings.eventsPerBatch) {
    throw new TidingsError('event_invalid', `A batch has 1–${settings.eventsPerBatch} events, not ${inputs.length}.`, {
      field: 'body',
    })
  }
  // Rights come before the store, so that a repeated id tells nothing to whoever may not publish there (D3).
  const drafts = inputs.map((input, index) => draftOf(input, parts.core, isBatch ? `[${index}].` : ''))
  access.requirePublish(principal, [...new Set(drafts.flatMap((draft) => draft.event.topics))])
  const results = await parts.core.publisher.publishSoon(principal.namespace, drafts)
  if (!results) {
    const waiting = drafts.map(({ event: { id }, volatile }) =>
      volatile ? { id, cursor: null } : { id, queued: true },
    )
    return json(isBatch ? waiting : waiting[0], 202)
  }
  const stored = results.some((result) => !result.duplicate)
  return json(isBatch ? results : results[0], stored ? 201 : 200)
}
