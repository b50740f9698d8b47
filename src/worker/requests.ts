import type { Clock } from '../clock.js'
import { type ErrorCode, isErrorCode, TidingsError } from '../errors.js'
import { mediaTypes, type Problem } from '../protocol/names.js'
import type { Random } from '../random.js'
import type { TokenAnswer } from '../client/index.js'
import { NotSent } from '../work/repeat.js'

export interface RequestParts {
  /** Where the hub is mounted, without a slash at the end. */
  readonly url: string
  readonly getToken: ((options: { refresh: boolean }) => TokenAnswer) | undefined
  readonly fetch: typeof globalThis.fetch
  readonly clock: Clock
  readonly random: Random
}

/** A try is given up after this: a hub that is alive answers within seconds. */
const requestMs = 20_000

/**
 * Requests to a hub, each tried once; a token that has run out is asked for anew. Whoever sends a command names it by an id
 * and may send it again (`untilAnswered`).
 */
export class Requests {
  readonly #parts: RequestParts
  #token: Promise<string | null> | null = null

  constructor(parts: RequestParts) {
    this.#parts = parts
  }

  /**
   * Rejects with the hub's refusal by its code; with `connection` or `timeout` where there is no answer, or one that is not
   * the hub's own: then it may have been carried out; with `NotSent` where it certainly was not.
   */
  async send(method: string, path: string, body?: object, tryMs: number = requestMs): Promise<unknown> {
    const text = body === undefined ? undefined : JSON.stringify(body)
    const token = this.#token ?? this.#ask(false)
    try {
      return await this.#request(method, path, text, tryMs, await token)
    } catch (error) {
      const isExpired = error instanceof TidingsError && error.code === 'unauthorized'
      if (!isExpired || !this.#parts.getToken) throw error
      // Of many requests that were refused together the first asks, and all take what it is given.
      const renewed = this.#token !== token && this.#token !== null ? this.#token : this.#ask(true)
      return await this.#request(method, path, text, tryMs, await renewed)
    }
  }

  async #request(
    method: string,
    path: string,
    text: string | undefined,
    tryMs: number,
    token: string | null,
  ): Promise<unknown> {
    const { url, fetch, clock } = this.#parts
    const abort = new AbortController()
    const timer = clock.setTimer(() => abort.abort(), tryMs)
    let response: Response
    let reply: string
    try {
      response = await fetch(url + path, {
        method,
        headers: {
          Accept: `${mediaTypes.json}, ${mediaTypes.problem}`,
          ...(text !== undefined && { 'Content-Type': mediaTypes.json }),
          ...(token !== null && { Authorization: `Bearer ${token}` }),
        },
        ...(text !== undefined && { body: text }),
        signal: abort.signal,
      })
      reply = await response.text()
    } catch (cause) {
      const message = `${method} ${path} got no answer from ${url}.`
      if (abort.signal.aborted) throw new TidingsError('timeout', message, { cause })
      throw isRefused(cause)
        ? new NotSent('connection', message, { cause })
        : new TidingsError('connection', message, { cause })
    } finally {
      timer.cancel()
    }
    if (!response.ok) throw refusal(response, reply)
    return reply === '' ? null : parsed(reply, `${method} ${path}`)
  }

  /** The token of all requests from now on; one that cannot be had is asked for again by the next. */
  #ask(refresh: boolean): Promise<string | null> {
    const asked = this.#given(refresh)
    this.#token = asked
    asked.catch(() => {
      if (this.#token === asked) this.#token = null
    })
    return asked
  }

  async #given(refresh: boolean): Promise<string | null> {
    try {
      return (await this.#parts.getToken?.({ refresh })) ?? null
    } catch (cause) {
      throw new NotSent('connection', 'getToken failed.', { cause })
    }
  }
}

/** Nobody listens there: no byte of the request has left. */
function isRefused(cause: unknown): boolean {
  const below = cause instanceof Error ? (cause.cause as NodeJS.ErrnoException | undefined) : undefined
  return below?.code === 'ECONNREFUSED'
}

function refusal(response: Response, reply: string): TidingsError {
  const problem = problemOf(reply)
  return new TidingsError(
    codeOf(response.status, problem.code),
    problem.detail ?? `The hub answered ${response.status}.`,
    {
      field: problem.field,
      topics: problem.topics,
      retryAfterMs: problem.retryAfterMs ?? retryAfterMs(response.headers.get('Retry-After')),
    },
  )
}

/** What is not the hub's own word comes from a proxy. */
function codeOf(status: number, code: string | undefined): ErrorCode {
  // It is the hub that is closed: another one, or the same one started again, will answer.
  if (code === 'closed') return 'draining'
  if (isErrorCode(code)) return code
  if (status === 425 || status === 429) return 'rate_limited'
  // A proxy does not know whether the hub has done it.
  if (status === 408) return 'timeout'
  return status < 500 ? 'internal' : 'connection'
}

function parsed(reply: string, what: string): unknown {
  try {
    return JSON.parse(reply)
  } catch (cause) {
    throw new TidingsError('connection', `${what} was answered by something that is no JSON.`, { cause })
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
