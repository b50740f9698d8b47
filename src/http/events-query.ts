import type { Incoming } from '../auth/incoming.js'
import { TidingsError } from '../errors.js'
import type { HubSettings } from '../hub/settings.js'
import { fromNow, type Start, parseLastEventId, parseSince } from '../hub/start.js'
import { everyTopic } from '../hub/everything.js'
import { headers, mediaTypes } from '../protocol/names.js'
import { checkTopic } from '../protocol/topic.js'

/** What `GET /events` asks for (spec §4, D5). */
export interface EventsQuery {
  /** Named topics, each once. */
  readonly topics: readonly string[]
  /** The principal's own topics too: asked for by `own=1`, and where no topic is named. */
  readonly own: boolean
  readonly types: readonly string[] | null
  readonly start: Start
  readonly named: boolean
  /** What the reader calls itself; null: nothing. */
  readonly name: string | null
  /** Null: a stream. */
  readonly poll: { readonly waitMs: number; readonly limit: number } | null
}

/** What a query is checked against. */
interface QueryParts {
  readonly settings: HubSettings
  checkFilter(type: string, field: string): string
}

/** Reads and checks the query; every refusal names its parameter. */
export function parseEventsQuery(request: Incoming, parts: QueryParts): EventsQuery {
  const { settings } = parts
  const query = request.query
  const topics = topicsOf(query)
  if (topics.length > settings.topicsPerStream) {
    throw new TidingsError(
      'query_invalid',
      `A stream has at most ${settings.topicsPerStream} topics, not ${topics.length}.`,
      { field: 'topic' },
    )
  }
  const types = query.getAll('type').map((type) => parts.checkFilter(type, 'type'))
  if (types.length > settings.topicsPerStream) {
    throw new TidingsError('query_invalid', `A stream has at most ${settings.topicsPerStream} types.`, {
      field: 'type',
    })
  }
  const poll = wantsPoll(request.header('Accept')) ? readPoll(query, settings) : null
  const since = query.get('since')
  const asked = since === null ? null : parseSince(since)
  const lastEventId = request.header(headers.lastEventId)
  const start: Start = lastEventId ? parseLastEventId(lastEventId) : (asked ?? fromNow)
  // A poll that names no place only learns the current one.
  const place = poll && !lastEventId && since === null ? { ...poll, waitMs: 0 } : poll
  return {
    topics,
    own: topics.length === 0 || flag(query, 'own', false),
    types: types.length > 0 ? [...new Set(types)] : null,
    start,
    named: flag(query, 'named', true),
    name: readName(query),
    poll: place,
  }
}

function topicsOf(query: URLSearchParams): readonly string[] {
  const named = [...new Set(query.getAll('topic'))]
  if (!named.includes(everyTopic)) return named.map((topic) => checkTopic(topic, 'topic'))
  if (named.length === 1 && !flag(query, 'own', false)) return named
  throw new TidingsError('query_invalid', 'Every topic is asked for by "topic=*" alone.', { field: 'topic' })
}

/** Whether it may be answered with a poll, as a first look tells: `Accept` is checked later. */
export function asksForPoll(request: Incoming): boolean {
  const types = acceptedTypes(request.header('Accept') ?? '')
  return types.includes(mediaTypes.json) && !types.includes(mediaTypes.stream)
}

const acceptedTypes = (accept: string): readonly string[] =>
  accept.split(',').map((part) => (part.split(';', 1)[0] as string).trim().toLowerCase())

function wantsPoll(accept: string | null): boolean {
  if (accept === null || accept.trim() === '') return false
  const types = acceptedTypes(accept)
  if (types.includes(mediaTypes.stream)) return false
  if (types.includes(mediaTypes.json)) return true
  if (types.includes('*/*') || types.includes('text/*')) return false
  throw new TidingsError(
    'not_acceptable',
    'GET /events answers with text/event-stream (a stream) or application/json (a poll).',
    { field: 'Accept' },
  )
}

function readPoll(query: URLSearchParams, settings: HubSettings): { waitMs: number; limit: number } {
  const waitMs = 1000 * number(query, 'wait', 0, 0, settings.pollWaitMs / 1000)
  const limit = number(query, 'limit', settings.pageEvents, 1, settings.pageEvents)
  if (!Number.isInteger(limit))
    throw new TidingsError('query_invalid', '"limit" must be a whole number.', { field: 'limit' })
  return { waitMs, limit }
}

function number(query: URLSearchParams, name: string, fallback: number, least: number, most: number): number {
  const given = query.get(name)
  if (given === null) return fallback
  const value = /^\d{1,9}(\.\d{1,3})?$/.test(given) ? Number(given) : Number.NaN
  if (!(value >= least && value <= most)) {
    throw new TidingsError('query_invalid', `"${name}" must be a number from ${least} to ${most}.`, { field: name })
  }
  return value
}

function readName(query: URLSearchParams): string | null {
  const name = query.get('name')
  if (name === null || /^[^\p{C}]{1,64}$/u.test(name)) return name
  throw new TidingsError('query_invalid', '"name" must be 1–64 characters without control characters.', {
    field: 'name',
  })
}

function flag(query: URLSearchParams, name: string, fallback: boolean): boolean {
  const given = query.get(name)
  if (given === null) return fallback
  if (given === 'true' || given === '1') return true
  if (given === 'false' || given === '0') return false
  throw new TidingsError('query_invalid', `"${name}" must be true or false.`, { field: name })
}
