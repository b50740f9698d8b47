import { readJson } from '../../ui/json-text.js'

export const targets = ['all', 'users', 'roles', 'session', 'topic'] as const
export type Target = (typeof targets)[number]

/** What the form holds, as it was typed. */
export interface Draft {
  readonly target: Target
  /** Ids, roles or a topic, by the target: several with commas or spaces between them. */
  readonly names: string
  readonly type: string
  readonly priority: string
  readonly data: string
  readonly correlationId: string
  readonly conflationKey: string
  readonly volatile: boolean
}

/** The fields of the form that can be at fault. */
export type DraftField = 'names' | 'type' | 'priority' | 'data' | 'metadata'
export type DraftFaults = Partial<Record<DraftField, string>>

const whatIsMissing: Readonly<Record<Target, string>> = {
  all: '',
  users: 'Say which users, by their ids.',
  roles: 'Say which roles.',
  session: 'Say which session, by its id.',
  topic: 'Say which topic.',
}

/** What is wrong with it as far as this page can tell; the hub has the last word. */
export function faultsOf(draft: Draft): DraftFaults {
  const { fault } = readJson(draft.data)
  return {
    ...(draft.target !== 'all' && namesOf(draft).length === 0 && { names: whatIsMissing[draft.target] }),
    ...(draft.type.trim() === '' && { type: 'An event needs a type, such as report.updated.' }),
    ...(fault && { data: `No JSON: line ${fault.line}, column ${fault.column}. ${fault.message}` }),
  }
}

const namesOf = ({ names }: Draft): readonly string[] => names.split(/[\s,]+/).filter(Boolean)

/** The body of `POST /events`, with an id of its own so that a repetition stores nothing. */
export function bodyOf(draft: Draft, id?: string): Record<string, unknown> {
  const { target, type, priority, data, correlationId, conflationKey, volatile } = draft
  const names = namesOf(draft)
  const metadata = { ...(correlationId && { correlationId }), ...(conflationKey && { conflationKey }) }
  return {
    ...(id !== undefined && { id }),
    ...(target === 'topic'
      ? names.length === 1
        ? { topic: names[0] }
        : { topics: names }
      : { to: toOf(target, names) }),
    type: type.trim(),
    ...(priority !== 'normal' && { priority }),
    data: readJson(data).value,
    ...(Object.keys(metadata).length > 0 && { metadata }),
    ...(volatile && { volatile }),
  }
}

function toOf(target: Exclude<Target, 'topic'>, names: readonly string[]): Record<string, unknown> {
  if (target === 'all') return { all: true }
  return { [target === 'session' ? 'sessions' : target]: names }
}

/** Where a refusal of the hub belongs in the form; null: nowhere in particular. */
export function fieldOf(field: string | null): DraftField | null {
  const [head = ''] = (field ?? '').split(/[.[]/)
  if (head === 'to' || head === 'topic' || head === 'topics') return 'names'
  if (head === 'type' || head === 'priority' || head === 'data' || head === 'metadata') return head
  return null
}
