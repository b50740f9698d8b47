import { type Clock, wait } from '../clock.js'
import { TidingsError } from '../errors.js'
import type { Principal } from './principal.js'

/** What somebody wants to do. `job`: create or command it; `admin` has no topic. */
export type Action = 'subscribe' | 'publish' | 'job' | 'admin'

/**
 * Widens or narrows what a principal may (A3): true allows, false refuses, undefined or null leaves it to the grants. Asked
 * at each request, for each topic of it; `topic` is null for `admin`. One that throws or takes over a second refuses that one
 * action. For somebody who holds a token of single topics, and for an anonymous reader, it can only narrow.
 */
export type Authorize = (
  principal: Principal,
  action: Action,
  topic: string | null,
) => boolean | null | undefined | Promise<boolean | null | undefined>

/** Whether the application has an opinion; null: none, at once where it was given no say. Never rejects. */
export type Ask = (principal: Principal, action: Action, topic: string | null) => Promise<boolean | null> | null

const longestMs = 1_000

export interface AskParts {
  readonly authorize?: Authorize | undefined
  readonly clock: Clock
  readonly onError: (error: unknown, stage: string) => void
}

const noOpinion: Ask = () => null

/** Throws `option_invalid` where `authorize` is no function. */
export function createAsk({ authorize, clock, onError }: AskParts): Ask {
  if (authorize === undefined) return noOpinion
  if (typeof authorize !== 'function') {
    throw new TidingsError('option_invalid', '"authorize" must be a function of principal, action and topic.', {
      field: 'authorize',
    })
  }
  return async (principal, action, topic) => {
    const late = new AbortController()
    try {
      const answer = await Promise.race([
        (async () => await authorize(principal, action, topic))(),
        wait(clock, longestMs, late.signal).then(() => {
          if (!late.signal.aborted) throw failed(`took over ${longestMs} ms`)
          return null
        }),
      ])
      if (answer === undefined || answer === null) return null
      if (typeof answer !== 'boolean') throw failed(`answered with ${typeof answer}, not true, false or undefined`)
      return answer && isNarrow(principal) ? null : answer
    } catch (error) {
      onError(error, 'authorize')
      return false
    } finally {
      late.abort()
    }
  }
}

/** What it may was decided when its token was made, or when topics were declared public. */
const isNarrow = ({ scope, method }: Principal): boolean => scope !== undefined || method === 'anonymous'

const failed = (what: string): TidingsError =>
  new TidingsError('handler', `"authorize" ${what}; the action is refused.`)
