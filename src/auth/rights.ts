import { TidingsError } from '../errors.js'
import { checkPattern } from '../protocol/topic.js'

/** What an application says about rights beside its grants, before it is checked. */
export interface GivenRights {
  readonly filter: unknown
  readonly publicTopics: unknown
  readonly anonymous: unknown
}

/** Throws `option_invalid` or `pattern_invalid` naming the option. */
export function checkRights({ filter, publicTopics, anonymous }: GivenRights): void {
  if (filter !== undefined && typeof filter !== 'function')
    throw wrong('filter', 'must be a function of principal and event')
  if (!Array.isArray(publicTopics)) throw wrong('publicTopics', 'must be an array of patterns')
  for (const [index, pattern] of publicTopics.entries()) checkPattern(pattern, `publicTopics[${index}]`)
  if (typeof anonymous !== 'boolean') throw wrong('anonymous', 'must be true or false')
  if (anonymous && publicTopics.length === 0)
    throw wrong('anonymous', 'lets in people who could read nothing: set "publicTopics" too')
}

const wrong = (field: string, what: string): TidingsError =>
  new TidingsError('option_invalid', `"${field}" ${what}.`, { field })
