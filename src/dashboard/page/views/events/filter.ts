import { type HubEvent, topicsOf } from '../../hub/event.js'
import type { LoggedEvent } from '../../hub/event-log.js'

/** What a word before a colon looks at. Any other word, with its colon, is text to find. */
const fields: Readonly<Record<string, (event: HubEvent) => readonly string[]>> = {
  topic: topicsOf,
  type: (event) => [event.type],
  priority: (event) => [event.priority],
  user: usersOf,
  source: (event) => [event.source],
  id: (event) => [event.id],
}

export type Filter = (logged: LoggedEvent) => boolean

/**
 * Reads a filter: `topic:job:* type:report.updated,notification user:7 -priority:low "disk full"`. All parts must hold, of
 * values with commas between them one; `-` turns a part around, a `*` at the end stands for anything, other words are found
 * anywhere in the envelope. What is quoted is one value, with its spaces and commas. Capital letters make no difference.
 */
export function parseFilter(text: string): Filter {
  const parts = (text.match(/-?(?:[a-z]+:)?"[^"]*"?|\S+/gi) ?? []).map(partOf)
  return (logged) => parts.every((part) => part(logged))
}

function partOf(word: string): Filter {
  if (word.startsWith('-') && word.length > 1) {
    const part = partOf(word.slice(1))
    return (logged) => !part(logged)
  }
  const [, name = '', value = ''] = /^([a-z]+):(.+)$/is.exec(word) ?? []
  const field = Object.hasOwn(fields, name.toLowerCase()) ? fields[name.toLowerCase()] : undefined
  if (field) {
    const values = value.startsWith('"') ? [unquoted(value)] : value.split(',').filter(Boolean)
    const patterns = values.map(patternOf)
    return ({ event }) => field(event).some((each) => patterns.some((pattern) => pattern(each.toLowerCase())))
  }
  const wanted = unquoted(word).toLowerCase()
  // Values of the envelope stand in its text as JSON writes them.
  return (logged) => logged.text.toLowerCase().includes(wanted)
}

const unquoted = (text: string): string => text.replace(/^"|"$/g, '')

function patternOf(text: string): (value: string) => boolean {
  const wanted = text.toLowerCase()
  if (!wanted.endsWith('*')) return (value) => value === wanted
  const stem = wanted.slice(0, -1)
  return (value) => value.startsWith(stem)
}

/** The users an event is for or about: by its topics, its metadata, the owner of its job. */
function usersOf(event: HubEvent): readonly string[] {
  const users = topicsOf(event).flatMap((topic) => /^(?:user|jobs):(.+)$/.exec(topic)?.[1] ?? [])
  const userId = event.metadata?.userId
  if (typeof userId === 'string') users.push(userId)
  const owner = event.type.startsWith('job.') ? (event.data as { owner?: unknown } | null)?.owner : undefined
  if (typeof owner === 'string' && owner.startsWith('user:')) users.push(owner.slice('user:'.length))
  return users
}

/** The text of a filter with one more part, or without it where it has it. */
export function toggled(text: string, part: string): string {
  const parts = text.split(/\s+/).filter(Boolean)
  return (parts.includes(part) ? parts.filter((each) => each !== part) : [...parts, part]).join(' ')
}
