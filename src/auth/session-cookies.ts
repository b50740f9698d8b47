import { TidingsError } from '../errors.js'
import type { Incoming } from './incoming.js'

/** The cookies that carry sessions: by them a session that has gone bad differs from none (A1). */
export interface SessionCookies {
  areIn(request: Incoming): boolean
}

export const noCookies: SessionCookies = { areIn: () => false }

/** A name as RFC 6265 has it, or its beginning and `*`: long sessions come in parts, `name.0`, `name.1`. */
const nameShape = /^[!#$%&'+.^_`|~0-9A-Za-z-]+\*?$/

/** Throws `option_invalid` naming the entry that is no name of a cookie. */
export function sessionCookies(names: unknown): SessionCookies {
  if (!Array.isArray(names)) throw wrong('sessionCookies', 'must be an array of names of cookies')
  for (const [index, name] of names.entries()) {
    if (typeof name !== 'string' || !nameShape.test(name))
      throw wrong(`sessionCookies[${index}]`, 'must be the name of a cookie, or its beginning and "*"')
  }
  const exact = new Set<string>(names.filter((name: string) => !name.endsWith('*')))
  const beginnings = names.filter((name: string) => name.endsWith('*')).map((name: string) => name.slice(0, -1))
  if (names.length === 0) return noCookies
  return {
    // `Cookie` comes once, or, as HTTP/2 allows, in pieces that were joined by ", ": a comma parts here too.
    areIn: (request) =>
      (request.header('Cookie') ?? '').split(/[;,]/).some((pair) => {
        const name = pair.split('=', 1)[0]?.trim() ?? ''
        return exact.has(name) || beginnings.some((beginning) => name.startsWith(beginning))
      }),
  }
}

const wrong = (field: string, what: string): TidingsError =>
  new TidingsError('option_invalid', `"${field}" ${what}.`, { field })
