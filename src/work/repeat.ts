import type { Clock, TimerOptions } from '../clock.js'
import { type ErrorCode, TidingsError } from '../errors.js'
import type { Random } from '../random.js'
import { waitUnlessClosing } from './closing.js'

export interface RepeatParts {
  readonly clock: Clock
  readonly random: Random
  /** Fires when nobody waits any more: the hub in this process, or the connection to it, was closed. */
  readonly closing: AbortSignal
}

export interface Repetition {
  /** For the messages: what is tried. */
  readonly what: string
  /** Longest pause between two tries, beside what the hub asks for. Default 10 s. */
  readonly longestPauseMs?: number
}

/** A failure of which it is certain that nothing reached the hub. */
export class NotSent extends TidingsError {}

/** From a lost reply to a hub that restarts: quick at first, then patient. */
export const repeatPauseMs = { from: 100, to: 10_000 } as const

/**
 * The store recognises a repeated id for five minutes (D3), and one try over HTTP hangs for 20 s at most: whoever begins the
 * last try within this sends nothing again after its id was forgotten.
 */
const windowMs = 270_000
/** What was certainly not carried out can be tried for longer; somebody has to hear of it one day all the same. */
const patienceMs = 3_600_000

/** The command may have been carried out though the answer is this. */
const unclear: ReadonlySet<ErrorCode> = new Set(['indeterminate', 'connection', 'timeout'])

/** A worker that waits to send what it counted must not be let go by Node meanwhile. */
const keepsProcess: TimerOptions = { keepsProcess: true }

/**
 * Tries a command, which names itself by an id, until it is answered: after a lost answer and after a refusal that is only
 * temporary, with full jitter, `retryAfterMs` obeyed. Rejects with a refusal that is final; with `closed`; with
 * `indeterminate` where the command may have been carried out and its id is about to be forgotten; and with the last
 * refusal where it certainly was not carried out for an hour.
 */
export async function untilAnswered<Answer>(
  { clock, random, closing }: RepeatParts,
  tryOnce: () => Promise<Answer>,
  { what, longestPauseMs = repeatPauseMs.to }: Repetition,
): Promise<Answer> {
  let endAt = clock.monotonic() + patienceMs
  let isUnclear = false
  for (let failures = 0; ; failures++) {
    if (closing.aborted) throw new TidingsError('closed', `${what} was given up: the hub or the connection was closed.`)
    const triedAt = clock.monotonic()
    try {
      return await tryOnce()
    } catch (error) {
      if (!(error instanceof TidingsError) || !error.retryable) throw error
      if (!isUnclear && unclear.has(error.code) && !(error instanceof NotSent)) {
        isUnclear = true
        endAt = triedAt + windowMs
      }
      const boundMs = Math.min(longestPauseMs, repeatPauseMs.from * 2 ** Math.min(failures, 20))
      const pauseMs = (error.retryAfterMs ?? 0) + Math.ceil(random.fraction() * boundMs)
      if (clock.monotonic() + pauseMs > endAt) throw isUnclear ? givenUp(what, error) : error
      await waitUnlessClosing(clock, pauseMs, closing, keepsProcess)
    }
  }
}

/** What is only asked, not said by a worker: tried until it is answered where the hub is `remote`, else once. */
export function asked<Answer>(
  remote: boolean,
  parts: RepeatParts,
  what: string,
  tryOnce: () => Promise<Answer>,
): Promise<Answer> {
  return remote ? untilAnswered(parts, tryOnce, { what }) : tryOnce()
}

function givenUp(what: string, cause: TidingsError): TidingsError {
  return new TidingsError(
    'indeterminate',
    `${what} was given up after ${windowMs / 1_000} s without an answer; it may have been carried out. The last failure: ${cause.message}`,
    { cause },
  )
}
