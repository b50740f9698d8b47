import type { Incoming } from '../../auth/incoming.js'
import type { Principal } from '../../auth/principal.js'
import { TidingsError } from '../../errors.js'
import type { Connection } from '../../hub/connection.js'
import type { Place } from '../../hub/limits/places.js'
import type { ConnectRequest } from '../../hub/hub.js'
import { type Draft, draftsOf } from '../../hub/publish.js'
import { formatCursor } from '../../protocol/cursor.js'
import { defaults } from '../../protocol/defaults.js'
import { headers as headerNames, mediaTypes } from '../../protocol/names.js'
import type { Access } from '../access.js'
import { type Answer, json, jsonText, noContent } from '../answer.js'
import { readJson } from '../body.js'
import type { Carrier } from '../carrier.js'
import { asksForPoll, type EventsQuery, parseEventsQuery } from '../events-query.js'
import type { HttpParts } from '../parts.js'
import { PollOutlet, type PollResult } from '../poll-outlet.js'

/** `GET /events`: a stream or a poll, which `carrier` takes (null), or an answer. `HEAD`: whether it would be one. */
export async function getEvents(
  parts: HttpParts,
  access: Access,
  request: Incoming,
  carrier: Carrier,
): Promise<Answer | null> {
  const { admission } = parts
  const kind = asksForPoll(request) ? 'polls' : 'connects'
  const askedMs = parts.core.clock.monotonic()
  const place = admission.arrive(request)
  try {
    const { generation } = parts.core.control.revocations
    const principal = await parts.authenticate(request, kind)
    const query = parseEventsQuery(request, parts.core)
    admission.claim(place, principal)
    const topics = await access.topicsFor(principal, query.topics, query.own)
    checkNumber(topics, parts.core.settings.topicsPerStream)
    if (request.method === 'HEAD') {
      place.release()
      return { status: 200, headers: query.poll ? jsonText('').headers : streamHeaders, body: null }
    }
    const asked = connectRequest(parts, request, { principal, topics, query, place, generation })
    const begins = query.poll
      ? await poll(parts, asked, query.poll, request, carrier)
      : await stream(parts, asked, askedMs, place, carrier)
    if (begins) return null
    place.release()
    return noContent
  } catch (error) {
    place.release()
    throw error
  }
}

const streamHeaders = {
  'Content-Type': `${mediaTypes.stream}; charset=utf-8`,
  'Cache-Control': 'no-store, no-transform',
  'X-Accel-Buffering': 'no',
} as const

/** False: nothing would ever follow. */
async function stream(
  { core }: HttpParts,
  asked: ConnectRequest,
  askedMs: number,
  place: Place,
  carrier: Carrier,
): Promise<boolean> {
  const connection = await core.connect(asked, (connectionId) =>
    carrier.stream({ ...streamHeaders, [headerNames.connectionId]: connectionId }),
  )
  if (!connection) return false
  if (place.client !== null) mayBeReplaced(place, connection)
  core.figures.connect.observe((core.clock.monotonic() - askedMs) / 1_000)
  return true
}

/** Own topics count too: a person may have any number of roles. */
function checkNumber(topics: readonly string[], most: number): void {
  if (topics.length <= most) return
  throw new TidingsError(
    'query_invalid',
    `A stream has at most ${most} topics; with your own ones these are ${topics.length}. Name those that you need.`,
    { field: 'topic' },
  )
}

/** In a function of its own: a closure of {@link stream} would keep the request alive for as long as the stream. */
function mayBeReplaced(place: Place, connection: Connection): void {
  place.opened(() => connection.end('replaced'))
}

/** False: nothing would ever follow. */
async function poll(
  { core }: HttpParts,
  asked: ConnectRequest,
  { limit, waitMs }: NonNullable<EventsQuery['poll']>,
  request: Incoming,
  carrier: Carrier,
): Promise<boolean> {
  const { clock, endOfTick, settings } = core
  const outlet = new PollOutlet({ limit, waitMs, maxBytes: settings.bodyBytes, clock, endOfTick })
  const connection = await core.connect(asked, () => outlet)
  if (!connection) return false
  // The carrier keeps the request, by which this is heard. After the answer it does nothing.
  request.whenGone(() => outlet.end())
  outlet.whenDone((result) =>
    carrier.answer(() => {
      try {
        return pollAnswer(core, connection, result)
      } finally {
        connection.gone()
      }
    }),
  )
  return true
}

function pollAnswer(core: HttpParts['core'], { cursor, failure, upToDate }: Connection, result: PollResult): Answer {
  const isEmpty = result.envelopes.length + result.gaps.length + result.snapshots.length === 0
  // An answer without events would say that there was nothing.
  if (cursor === null || (failure !== null && isEmpty)) throw failure ?? endedEarly(core)
  return pollResponse(result, formatCursor(cursor), upToDate && failure === null, core.settings.heartbeatMs)
}

/** Why a poll ended before it had a place: it is tried again, elsewhere or later. */
const endedEarly = (core: HttpParts['core']): TidingsError =>
  new TidingsError('draining', 'This hub is shutting down.', { retryAfterMs: core.returns.afterMs('shutdown') })

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

interface Asked {
  readonly principal: Principal
  readonly topics: readonly string[]
  readonly query: EventsQuery
  readonly place: Place
  /** Of the revocations, before the credential was read. */
  readonly generation: number
}

const connectRequest = (
  { core }: HttpParts,
  request: Incoming,
  { principal, topics, query, place, generation }: Asked,
): ConnectRequest => ({
  namespace: principal.namespace,
  topics,
  types: query.types,
  named: query.named,
  start: query.start,
  expiresAt: principal.expiresAt,
  reader: principal,
  generation,
  address: place.address ?? undefined,
  userAgent: agentOf(core, request),
  name: query.name ?? undefined,
  place,
})

function agentOf({ agents }: HttpParts['core'], request: Incoming): string | undefined {
  const agent = request.header('User-Agent')
  return agent === null ? undefined : agents.get(agent)
}

/** `POST /events`: one event, or an array of which all or none are stored. 202: it waits for the store (S5). */
export async function postEvents(parts: HttpParts, access: Access, request: Incoming): Promise<Answer> {
  const principal = await parts.authenticate(request, 'publishes')
  const body = await readJson(parts, request, principal)
  const isBatch = Array.isArray(body)
  const inputs: readonly unknown[] = isBatch ? body : [body]
  // Rights come before the store, so that a repeated id tells nothing to whoever may not publish there (D3).
  const drafts = draftsOf(inputs, parts.core, isBatch, 'body')
  await access.requirePublish(principal, topicsOf(drafts))
  const results = await parts.core.publisher.publishSoon(principal.namespace, drafts, request.header('traceparent'))
  if (!results) {
    const waiting = drafts.map(({ event: { id }, volatile }) =>
      volatile ? { id, cursor: null } : { id, queued: true },
    )
    return json(isBatch ? waiting : waiting[0], 202)
  }
  const stored = results.some((result) => !result.duplicate)
  return json(isBatch ? results : results[0], stored ? 201 : 200)
}

/** Each once. Nearly always there is one event, whose topics are that already. */
function topicsOf(drafts: readonly Draft[]): readonly string[] {
  const [first, ...more] = drafts
  if (first && more.length === 0) return first.event.topics
  return [...new Set(drafts.flatMap((draft) => draft.event.topics))]
}
