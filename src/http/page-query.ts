import { TidingsError } from '../errors.js'

const most = 1_000

/** Which page of a list is asked for, and how long; default 100, at most 1,000. Throws `query_invalid`. */
export function pageOf(query: URLSearchParams): { readonly limit: number; readonly after?: string } {
  const text = query.get('limit') ?? '100'
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0
  const after = query.get('after')
  if (limit < 1 || limit > most)
    throw new TidingsError('query_invalid', `"limit" must be a whole number from 1 to ${most}.`, { field: 'limit' })
  return { limit, ...(after !== null && { after }) }
}
