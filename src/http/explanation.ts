import { type Principal, ownTopics } from '../auth/principal.js'
import { type FoundEvent, cursorOf, findEvent } from '../hub/find-event.js'
import type { ClosedReport, ConnectionReport } from '../hub/report.js'
import { type Position, parseCursor } from '../protocol/cursor.js'
import type { Access } from './access.js'
import type { HttpParts } from './parts.js'

export interface ExplanationQuery {
  /** An id, or a cursor. */
  readonly event: string
  /** Whose rights are judged where no connection shows them. */
  readonly principal: Principal
  /** Where else to look for the event. */
  readonly topics: readonly string[]
}

/** Why one connection has an event or not. */
export interface ReaderVerdict {
  readonly id: string
  readonly state: string
  readonly topics: readonly string[]
  readonly verdict: 'sent' | 'waiting' | 'left' | 'later' | 'topic' | 'type' | 'withheld' | 'unknown'
  readonly words: string
}

export interface Explanation {
  readonly event: object | null
  readonly searched: { readonly topics: readonly string[]; readonly events: number; readonly complete: boolean }
  readonly rights: readonly { readonly topic: string; readonly mayRead: boolean }[]
  readonly readers: readonly ReaderVerdict[]
  /** In the order in which to look into them. */
  readonly reasons: readonly { readonly code: string; readonly words: string }[]
  /** What nobody kept, and so nobody can tell. */
  readonly unknown: readonly string[]
}

type Report = ConnectionReport | ClosedReport

/** Why a user did or did not get an event (O5), from what is kept: the log, open connections, the last that closed. */
export async function explain(parts: HttpParts, access: Access, query: ExplanationQuery): Promise<Explanation> {
  const { core } = parts
  const { principal } = query
  const { namespace, userId } = principal
  const filter = userId === undefined ? {} : { user: userId }
  const [open, closed] = await Promise.all([
    core.control.list(namespace, filter, { limit: 100 }),
    core.control.closed(namespace, filter, { limit: 100 }),
  ])
  const reports: readonly Report[] = [...open.connections, ...closed.connections]
  const roles = [...new Set([...principal.roles, ...reports.flatMap((report) => report.roles ?? [])])]
  const person: Principal = { ...principal, roles }
  const read = reports.flatMap(({ topics }) => topics).filter((topic) => topic !== '*')
  const topics = [...new Set([...query.topics, ...ownTopics(person), ...read])].slice(0, 100)
  const wanted: string | Position = parseCursor(query.event) ?? query.event
  const { found, looked, complete } = await findEvent(core, namespace, wanted, topics)
  const searched = { topics, events: looked, complete }
  const missing = [...(open.missing ?? []), ...(closed.missing ?? [])]
  if (!found) {
    const gone = typeof wanted === 'string' ? null : (await core.store.head(namespace)).epoch === wanted.epoch
    return {
      event: null,
      searched,
      rights: [],
      readers: [],
      reasons: notFound(query, gone, complete),
      unknown: [notVolatile],
    }
  }
  const rights = await Promise.all(
    found.event.topics.map(async (topic) => ({ topic, mayRead: await access.maySubscribe(person, topic) })),
  )
  const withheld = isWithheld(parts, person, found)
  const readers = reports.map((report) => verdictOf(report, found, withheld))
  const reasons = reasonsFor(rights, readers, withheld)
  const unknown = [...unknownOf(found, readers), ...missing.map((node) => `Node ${node} did not answer in time.`)]
  return { event: shownEvent(found), searched, rights, readers, reasons, unknown }
}

const shownEvent = (found: FoundEvent): object => {
  const { id, type, topics, seq, timestamp, priority, conflationKey } = found.event
  return {
    id,
    type,
    topics,
    seq,
    cursor: cursorOf(found),
    timestamp,
    priority,
    ...(conflationKey && { conflationKey }),
  }
}

const notVolatile = 'A volatile event is never kept: whether it was sent, and to whom, cannot be told afterwards.'

function notFound({ event }: ExplanationQuery, sameEpoch: boolean | null, complete: boolean): Explanation['reasons'] {
  if (sameEpoch === false)
    return [
      { code: 'epoch', words: `${event} is of another history of this namespace: the store was replaced or emptied.` },
    ]
  if (!complete)
    return [
      {
        code: 'search',
        words: 'The log of these topics is longer than one request may read: give the cursor of the event.',
      },
    ]
  return [
    {
      code: 'not_found',
      words:
        'No such event is kept in these topics. It was published to others (name one with "topic"), its time was over (retention), it was erased, it was volatile, or it was never stored: look at the answer to its publish.',
    },
  ]
}

/** By the application's filter, as it answers now. */
function isWithheld({ core }: HttpParts, person: Principal, { event, epoch }: FoundEvent): boolean {
  if (!core.filter) return false
  try {
    return core.filter(person, core.encode(event, epoch).shown(event.topics)) !== true
  } catch {
    return true
  }
}

function verdictOf(report: Report, { event, epoch }: FoundEvent, withheld: boolean): ReaderVerdict {
  const { id, state, topics, types, opened } = report
  const say = (verdict: ReaderVerdict['verdict'], words: string): ReaderVerdict => ({
    id,
    state,
    topics,
    verdict,
    words,
  })
  const cursor = report.cursor === undefined ? null : parseCursor(report.cursor)
  const passed = cursor?.epoch === epoch && cursor.seq >= event.seq
  if (topics[0] !== '*' && !event.topics.some((topic) => topics.includes(topic)))
    return say('topic', 'It did not ask for any topic of the event.')
  if (types && !types.includes(event.type)) return say('type', `It asked for other types only: ${types.join(', ')}.`)
  if (state === 'closed' && report.since < event.timestamp)
    return say(
      'left',
      `It had ended ${secondsOf(event.timestamp - report.since)} before (${(report as ClosedReport).reason}).`,
    )
  if (withheld && passed) return say('withheld', "The application's filter holds this event back from this reader.")
  if (!cursor) return say('unknown', 'Its position is not known: the store was away when it began.')
  if (passed && opened <= event.timestamp)
    return say('sent', `It was open then, and has been sent all up to ${report.cursor}.`)
  if (passed)
    return say(
      'later',
      `It was opened ${secondsOf(opened - event.timestamp)} after the event: it has it only if it resumed from before.`,
    )
  return state === 'closed'
    ? say('left', `It ended before it got there (${(report as ClosedReport).reason}), at ${report.cursor}.`)
    : say(
        'waiting',
        `It has not got there yet: it is at ${report.cursor}, ${(report as ConnectionReport).lag} numbers behind.`,
      )
}

const secondsOf = (ms: number): string => `${Math.max(0, Math.round(ms / 100) / 10)} s`

function reasonsFor(
  rights: Explanation['rights'],
  readers: readonly ReaderVerdict[],
  withheld: boolean,
): Explanation['reasons'] {
  const reasons: { code: string; words: string }[] = []
  const has = (verdict: ReaderVerdict['verdict']): boolean => readers.some((one) => one.verdict === verdict)
  if (has('sent'))
    reasons.push({ code: 'sent', words: 'It was sent on at least one connection that was open at the time.' })
  if (!rights.some(({ mayRead }) => mayRead) && !has('sent')) {
    reasons.push({
      code: 'forbidden',
      words:
        'With the roles that are known here this user may read none of its topics. A grant in the token may say otherwise: it shows in connections alone.',
    })
  }
  if (withheld) reasons.push({ code: 'filter', words: "The application's filter holds it back, as it answers now." })
  if (readers.length === 0) {
    reasons.push({
      code: 'absent',
      words:
        'No connection of this user is open, and none is among the last 1,000 that closed. Whoever comes back with a cursor from before it receives it.',
    })
  }
  const verdicts = [
    ['waiting', 'A connection is open and has not got there yet: it lags, or the store is slow.'],
    ['topic', 'A connection was open and had not asked for its topics.'],
    ['type', 'A connection was open and had asked for other types.'],
    ['left', 'A connection had ended before the event. Whoever comes back with its cursor receives it.'],
    [
      'later',
      'A connection was opened after the event: without a cursor from before, or "since", it begins behind it.',
    ],
  ] as const
  for (const [code, words] of verdicts) if (has(code)) reasons.push({ code, words })
  return reasons
}

function unknownOf({ event }: FoundEvent, readers: readonly ReaderVerdict[]): string[] {
  const unknown = [
    'Polls that were answered leave no trace here, and neither do connections before the last 1,000 or before this node started.',
  ]
  if (readers.some(({ verdict }) => verdict === 'sent')) {
    unknown.push('That bytes were sent is known; that the page showed them is not: see the diagnostics of the client.')
    if (event.priority === 'low')
      unknown.push('Its priority is low: it may have been left out while the reader lagged.')
    if (event.conflationKey !== undefined)
      unknown.push('It has a conflation key: for a reader that lagged, a newer one may have taken its place.')
  }
  return unknown
}
