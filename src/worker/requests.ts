import { type Clock, type TimerOptions, wait } from '../clock.js'
import { type ErrorCode, isErrorCode, TidingsError } from '../errors.js'
import { mediaTypes, type Problem } from '../protocol/names.js'
import type { Random } from '../random.js'
import type { TokenAnswer } from '../client/index.js'

export interface RequestParts {
  /** Where the hub is mounted, without a slash at the end. */
  readonly url: string
  readonly getToken: ((options: { refresh: boolean }) => TokenAnswer) | undefined
  readonly fetch: typeof globalThis.fetch
  readonly clock: Clock
  readonly random: Random
}

export interface Answer {
  readonly status: number
  readonly body: unknown
}

/** One try: an answer, or why there is none and whether another try may help. */
type Tried =
  | { readonly answer: Answer }
  | {
      readonly error: TidingsError
      readonly again: boolean /** It may have been carried out. */
      readonly unknown: boolean
    }

/** From a lost reply to a hub that restarts: quick at first, then patient. */
const backoffMs = { from: 100, to: 10_000 } as const
const attemptMs = 20_000
/**
 * The hub recognises a repeated id for five minutes (D3). The last try begins within this, so that even where it hangs for
 * `attemptMs` no command is sent again after its id was forgotten.
 */
const giveUpMs = 270_000
/** A worker that waits to send what it counted must not be let go by Node meanwhile. */
const keepsProcess: TimerOptions = { keepsProcess: true }

/**
 * Requests that may be repeated, because each names its command by an id. They are sent again after a lost answer or a
 * refusal that is only temporary, with full jitter, `Retry-After` obeyed, until they are answered or given up.
 */
export class Requests {
  readonly #parts: RequestParts
  readonly #closing = new AbortController()
  #token: Promise<string | null> | null = null

  constructor(parts: RequestParts) {
    this.#parts = parts
  }

  /**
   * Rejects with the hub's refusal by its code; with `indeterminate` where it was given up and may have been carried out;
   * with `connection` or `timeout` never alone: those are tried again.
   */
  async send(method: string, path: string, body?: object): Promise<Answer> {
    const { clock, random } = this.#parts
    const text = body === undefined ? undefined : JSON.stringify(body)
    const startedAt = clock.monotonic()
    let renewed = false
    let unknown = false
    for (let failures = 0; ; failures++) {
      if (this.#closing.signal.aborted) throw new TidingsError('closed', 'The connection to the hub was closed.')
      const tried = await this.#try(method, path, text, renewed)
      if ('answer' in tried) return tried.answer
      unknown ||= tried.unknown
      const { error } = tried
      if (error.code === 'unauthorized' && !renewed && this.#parts.getToken) {
        // A token that has run out: one new one, once.
        renewed = true
        this.#token = null
        continue
      }
      if (!tried.again) throw error
      const bound = Math.min(backoffMs.to, backoffMs.from * 2 ** Math.min(failures, 20))
      const delayMs = (error.retryAfterMs ?? 0) + Math.ceil(random.fraction() * bound)
      if (clock.monotonic() - startedAt + delayMs > giveUpMs) throw unknown ? indeterminate(method, path, error) : error
      await wait(clock, delayMs, this.#closing.signal, keepsProcess)
    }
  }

  close(): void {
    this.#closing.abort()
  }

  async #try(method: string, path: string, text: string | undefined, refresh: boolean): Promise<Tried> {
    const { url, fetch, clock } = this.#parts
    let token: string | null
    try {
      this.#token ??= Promise.resolve(this.#parts.getToken?.({ refresh })).then((given) => given ?? null)
      token = await this.#token
    } catch (cause) {
      this.#token = null
      return { error: new TidingsError('unauthorized', 'getToken failed.', { cause }), again: true, unknown: false }
    }
    const attempt = new AbortController()
    const timer = clock.setTimer(() => attempt.abort(), attemptMs)
    try {
      const response = await fetch(url + path, {
        method,
        headers: {
          Accept: `${mediaTypes.json}, ${mediaTypes.problem}`,
          ...(text !== undefined && { 'Content-Type': mediaTypes.json }),
          ...(token !== null && { Authorization: `Bearer ${token}` }),
        },
        ...(text !== undefined && { body: text }),
        signal: attempt.signal,
      })
      const reply = await response.text()
      if (response.ok) return { answer: { status: response.status, body: reply === '' ? null : JSON.parse(reply) } }
      return refusal(response, reply)
    } catch (cause) {
      const code = attempt.signal.aborted ? 'timeout' : 'connection'
      const error = new TidingsError(code, `${method} ${path} got no answer from ${url}.`, { cause })
      return { error, again: true, unknown: true }
    } finally {
      timer.cancel()
    }
  }
}

function refusal(response: Response, reply: string): Tried {
  const problem = problemOf(reply)
  const code: ErrorCode = isErrorCode(problem.code) ? problem.code : response.status < 500 ? 'internal' : 'connection'
  const error = new TidingsError(code, problem.detail ?? `The hub answered ${response.status}.`, {
    field: problem.field,
    retryAfterMs: problem.retryAfterMs ?? retryAfterMs(response.headers.get('Retry-After')),
  })
  // A 5xx that is not the hub's own word comes from a proxy, which does not know whether the hub has done it.
  return {
    error,
    again: error.retryable,
    unknown: code === 'indeterminate' || code === 'connection' || code === 'internal',
  }
}

function problemOf(reply: string): Partial<Problem> {
  try {
    const value: unknown = JSON.parse(reply)
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}

function retryAfterMs(header: string | null): number | undefined {
  return header !== null && /^\d{1,6}$/.test(header) ? Number(header) * 1_000 : undefined
}

function indeterminate(method: string, path: string, cause: TidingsError): TidingsError {
  return new TidingsError(
    'indeterminate',
    `${method} ${path} was given up after ${giveUpMs / 1_000} s without an answer; it may have been carried out. The last failure: ${cause.message}`,
    { cause },
  )
}
