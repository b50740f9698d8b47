import type { Position } from '../../protocol/cursor.js'
import type { Priority } from '../../protocol/event.js'
import type { Announcement, NewEvent, StoredEvent } from '../store.js'

/**
 * An event as it is kept: a line that names it, as JSON, and the line of its body as it came, which is JSON without line
 * breaks already. The script puts the stamp before it. A newer minor version may add members to the first line.
 */
type Naming = readonly [id: string, type: string, priority: Priority, topics: readonly string[], key?: string]

export function encodeContent(event: NewEvent, topics: readonly string[]): string {
  const { id, type, priority, conflationKey } = event
  const naming: Naming =
    conflationKey === undefined ? [id, type, priority, topics] : [id, type, priority, topics, conflationKey]
  return `${JSON.stringify(naming)}\n${event.body}`
}

/** Null where it is damaged. */
export function decodeStored(seq: number, kept: string): StoredEvent | null {
  const space = kept.indexOf(' ')
  const line = kept.indexOf('\n', space)
  if (space < 0 || line < 0) return null
  return decodeEvent(seq, Number(kept.slice(0, space)), kept.slice(space + 1, line), kept.slice(line + 1))
}

function decodeEvent(seq: number, timestamp: number, naming: string, body: string): StoredEvent | null {
  const named = decodeNaming(naming)
  if (!named) return null
  const [id, type, priority, topics, conflationKey] = named
  const event = { id, type, priority, body, topics, seq, timestamp }
  return conflationKey === undefined || conflationKey === null ? event : { ...event, conflationKey }
}

function decodeNaming(line: string): Naming | null {
  try {
    const named = JSON.parse(line) as Naming
    return Array.isArray(named) && Array.isArray(named[3]) ? named : null
  } catch {
    return null
  }
}

/** What comes down the channel of a namespace. Unknown kinds are null: newer versions may say more. */
export type Message =
  | { readonly kind: 'announced'; readonly announcements: readonly Announcement[] }
  | { readonly kind: 'probed'; readonly position: Position }
  | { readonly kind: 'told'; readonly from: string; readonly text: string }

/**
 * `e <epoch> <first number> <stamp>`, then two lines an event, the second empty where it is too large to announce;
 * `p <epoch> <number>`; `t <node> <text>`.
 */
export function decodeMessage(message: string): Message | null {
  if (message.startsWith('e ')) return decodeAnnouncements(message)
  const [kind, first = '', second = ''] = message.split(' ', 3)
  if (kind === 'p') return { kind: 'probed', position: { epoch: first, seq: Number(second) } }
  if (kind === 't') return { kind: 'told', from: first, text: message.slice(first.length + 3) }
  return null
}

function decodeAnnouncements(message: string): Message | null {
  const lines = message.split('\n')
  const [, epoch = '', first, stamp] = (lines[0] ?? '').split(' ')
  const announcements: Announcement[] = []
  let seq = Number(first)
  for (let at = 1; at + 1 < lines.length; at += 2, seq++) {
    const named = lines[at] as string
    const body = lines[at + 1] as string
    const event = decodeEvent(seq, Number(stamp), named, body)
    if (!event) return null
    const { topics } = event
    announcements.push({ epoch, seq, prev: seq - 1, topics, ...(body !== '' && { event }) })
  }
  return { kind: 'announced', announcements }
}

export const encodeTold = (node: string, text: string): string => `t ${node} ${text}`
