import type { Clock } from '../clock.js'
import { TidingsError } from '../errors.js'
import { type Authenticator, unauthorized } from './authenticator.js'
import type { Incoming } from './incoming.js'
import { checkPrincipal } from './principal.js'
import { type SessionCookies, noCookies } from './session-cookies.js'

/** What an application's own `authenticate` function answers for a person who is signed in. */
export interface Session {
  /** 1–128 characters without white space, control characters, `*`, `{` or `}`. */
  readonly userId?: string | undefined
  readonly sessionId?: string | undefined
  readonly roles?: readonly string[] | undefined
  /** The isolation boundary. Default `default`. */
  readonly namespace?: string | undefined
  /** Patterns of topics this person may read besides their own: exact, or ending in one `*`. Default none. */
  readonly subscribe?: readonly string[] | undefined
  /** Patterns of topics this person may publish to. Default none. */
  readonly publish?: readonly string[] | undefined
  /** May use the admin routes (A7). Default false. */
  readonly admin?: boolean | undefined
  /** Unix ms. A session that has ended is refused with 401, and its streams end then. Default: no end. */
  readonly expiresAt?: number | undefined
}

/**
 * Answers null (or nothing) when nobody is signed in; the next authenticator is asked then. `native` is the runtime's own
 * request, with what was put on it before the hub's turn: on Node the `IncomingMessage`, where express-session leaves
 * `session`. For a credential that is there and bad it throws `TidingsError` `unauthorized`; a bad cookie is known by
 * `sessionCookies`.
 */
// oxlint-disable-next-line typescript/no-explicit-any -- so that it may be declared as what the runtime hands on
export type ReadSession = (
  request: Request,
  native: any,
) => Promise<Session | null | undefined> | Session | null | undefined

/**
 * The session seam (A1). What `readSession` answers is checked on every call: a wrong answer is the application's
 * mistake and throws `option_invalid` naming the part of the answer; a throw of its own becomes `internal`, with the
 * cause kept, since a session store that is down is no reason to sign people out. Where it knows nobody and one of
 * `cookies` is there, that cookie is bad: `unauthorized`.
 */
export function sessionAuthenticator(
  readSession: ReadSession,
  clock: Clock,
  cookies: SessionCookies = noCookies,
): Authenticator {
  if (typeof readSession !== 'function') {
    throw new TidingsError(
      'option_invalid',
      '"authenticate" must be a function of the request that returns a session or null.',
      {
        field: 'authenticate',
      },
    )
  }
  return async (request) => {
    const session = await callReadSession(readSession, request)
    if (session === null || session === undefined) {
      if (cookies.areIn(request)) throw unauthorized('The session is not valid here: sign in again.', 'Cookie')
      return null
    }
    if (typeof session !== 'object' || Array.isArray(session)) {
      throw new TidingsError('option_invalid', 'The "authenticate" option must return a session object or null.', {
        field: 'authenticate',
      })
    }
    const principal = checkAnswer(session)
    if (principal.expiresAt !== undefined && principal.expiresAt <= clock.now())
      throw unauthorized('The session has ended.')
    return principal
  }
}

async function callReadSession(readSession: ReadSession, request: Incoming): Promise<unknown> {
  try {
    return await readSession(request.whole(), request.native)
  } catch (cause) {
    if (cause instanceof TidingsError) throw cause
    throw new TidingsError('internal', 'The "authenticate" option threw; see the cause.', {
      field: 'authenticate',
      cause,
    })
  }
}

function checkAnswer(session: object): ReturnType<typeof checkPrincipal> {
  try {
    return checkPrincipal(session, 'session')
  } catch (cause) {
    if (!(cause instanceof TidingsError)) throw cause
    throw new TidingsError('option_invalid', `The "authenticate" option returned a session whose ${cause.message}`, {
      field: `authenticate.${cause.field}`,
      cause,
    })
  }
}
