import { wordsOfReason } from '../../hub/connections.js'
import { count, duration } from '../../ui/format.js'

export const kinds = ['connected', 'closed', 'refused', 'error'] as const
export type Kind = (typeof kinds)[number]

/** What `GET /activity` tells (P11.20): each kind has some of these. */
export interface Entry {
  readonly kind: Kind
  readonly at: number
  readonly node: string
  readonly connection?: string
  readonly transport?: string
  readonly user?: string
  readonly session?: string
  readonly address?: string
  readonly name?: string
  readonly topics?: readonly string[]
  readonly topicCount?: number
  readonly returned?: boolean
  readonly reason?: string
  readonly note?: string
  readonly durationMs?: number
  readonly sent?: number
  readonly code?: string
  readonly status?: number
  readonly method?: string
  readonly path?: string
  readonly field?: string
  readonly limit?: string
  readonly request?: string
  readonly stage?: string
  readonly count?: number
}

export interface Activity {
  readonly entries: readonly Entry[]
  readonly missing?: readonly string[]
}

/** What an entry is about, or null where nobody is known. */
export const whoOf = ({ user, session, transport, connection }: Entry): string | null =>
  connection === undefined ? null : (user ?? session ?? (transport === 'process' ? 'this process' : 'nobody'))

/** What happened, in a line. */
export function wordsOf(entry: Entry): string {
  const { kind, topics = [], topicCount = 0, returned, reason = 'gone', note, durationMs = 0 } = entry
  const { code = '', method = '', path = '', field, limit, stage = '', count: times = 1 } = entry
  const often = times > 1 ? `${count(times)} × ` : ''
  if (kind === 'connected')
    return `${returned ? 'Came back' : 'Connected'} for ${topicCount === 1 ? topics[0] : `${topicCount} topics`}`
  if (kind === 'closed') return `${wordsOfReason(reason)}${note ? ` (“${note}”)` : ''}, after ${duration(durationMs)}`
  if (kind === 'error') return `${often}${code} at ${stage}: the log of the hub has more`
  return `${often}${code}: ${method} ${path}${limit ? `, limit ${limit}` : field ? `, ${field}` : ''}`
}

/** Two of one millisecond are told apart by their place; what repeats itself stays one row. */
export const keyOf = ({ kind, connection, request, code, stage, at, node }: Entry): string =>
  [kind, node, connection ?? request ?? `${code} ${stage} ${at}`].join(' ')
