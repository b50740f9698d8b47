import { setTimeout as wait } from 'node:timers/promises'
import { type Dispatcher, fetch, type Response } from 'undici'
import { AddressRefused } from './address-guard.js'
import type { ConvertedPage } from './convert.js'
import { pageAddress } from './links.js'
import { reasonOf } from './reason.js'
import { type Robots, userAgent } from './robots.js'

/** What became of a page. Skipped is no failure: the page is not ours to read, or no page. */
export type Outcome =
  | ({ readonly state: 'done'; readonly bytes: number } & ConvertedPage)
  | { readonly state: 'skipped'; readonly reason: string; readonly redirect?: string }
  | { readonly state: 'failed'; readonly reason: string }

export interface FetchLimits {
  /** From the request to the last byte. */
  readonly timeoutMs: number
  /** Of a page, unpacked. */
  readonly bytes: number
  /** Requests for one page before it has failed. */
  readonly attempts: number
  /** The first wait before another attempt; it doubles. */
  readonly backoffMs: number
}

export interface FetchParts {
  readonly dispatcher: Dispatcher
  readonly robots: Robots
  /** Rejects with the reason, in words that people read. */
  readonly convert: (html: string, url: string) => Promise<ConvertedPage>
}

const defaultLimits: FetchLimits = { timeoutMs: 15_000, bytes: 5 * 1024 * 1024, attempts: 3, backoffMs: 1_000 }
/** A site may ask for a pause by `Retry-After`; nobody waits longer than this in front of a browser. */
const longestPauseMs = 30_000

/** A failure that another attempt may mend. */
class Passing extends Error {
  readonly retryAfterMs: number
  constructor(message: string, retryAfterMs = 0) {
    super(message)
    this.retryAfterMs = retryAfterMs
  }
}
/** One that no attempt mends. */
class Final extends Error {}

/** Reads one page: robots.txt, request, retries, HTML, Markdown, links. Throws only when `signal` fires. */
export class PageFetcher {
  readonly #parts: FetchParts
  readonly #limits: FetchLimits

  constructor(parts: FetchParts, limits: FetchLimits = defaultLimits) {
    this.#parts = parts
    this.#limits = limits
  }

  async read(url: string, signal: AbortSignal): Promise<Outcome> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#attempt(url, signal)
      } catch (error) {
        signal.throwIfAborted()
        const reason = reasonOf(error)
        if (!(error instanceof Passing) || attempt >= this.#limits.attempts) {
          return { state: 'failed', reason: attempt > 1 ? `${reason} (tried ${attempt} times)` : reason }
        }
        const backoffMs = this.#limits.backoffMs * 2 ** (attempt - 1) * (0.75 + Math.random() / 2)
        await wait(Math.min(Math.max(backoffMs, error.retryAfterMs), longestPauseMs), undefined, { signal })
      }
    }
  }

  async #attempt(url: string, signal: AbortSignal): Promise<Outcome> {
    const refusal = (await this.#parts.robots.rulesOf(new URL(url).origin)).refusal(url)
    if (refusal) return { state: 'skipped', reason: refusal }

    const timeout = AbortSignal.timeout(this.#limits.timeoutMs)
    try {
      const response = await fetch(url, {
        dispatcher: this.#parts.dispatcher,
        // A redirect is a link to another page: it is checked, queued and counted like any other.
        redirect: 'manual',
        headers: { 'user-agent': userAgent, accept: 'text/html' },
        signal: AbortSignal.any([signal, timeout]),
      })
      try {
        return await this.#outcomeOf(response, url)
      } finally {
        if (!response.bodyUsed) await response.body?.cancel()
      }
    } catch (error) {
      if (error instanceof Passing || error instanceof Final) throw error
      if (timeout.aborted) throw new Passing(`no answer within ${this.#limits.timeoutMs / 1_000} s`)
      const cause = error instanceof Error ? error.cause : undefined
      if (cause instanceof AddressRefused) throw cause
      throw new Passing(reasonOf(error))
    }
  }

  async #outcomeOf(response: Response, url: string): Promise<Outcome> {
    const { status, headers } = response
    if (status >= 300 && status < 400) {
      const target = pageAddress(headers.get('location') ?? '', url)
      if (!target) throw new Final(`redirects to what is no page (${status})`)
      if (new URL(target).origin !== new URL(url).origin)
        return { state: 'skipped', reason: `redirects to another site: ${target}` }
      return { state: 'skipped', reason: `redirects to ${target}`, redirect: target }
    }
    if (status === 429 || status >= 500)
      throw new Passing(`the site answered ${status}`, retryAfterMs(headers.get('retry-after')))
    if (!response.ok) throw new Final(`the site answered ${status}`)
    const type = headers.get('content-type') ?? ''
    if (!/^(?:text\/html|application\/xhtml\+xml)\b/i.test(type))
      return { state: 'skipped', reason: `no HTML but ${type || 'of unknown type'}` }

    const body = await readBody(response, this.#limits.bytes)
    const page = await this.#parts.convert(decode(body, type), url).catch((error: unknown) => {
      throw new Final(reasonOf(error))
    })
    return { state: 'done', bytes: body.length, ...page }
  }
}

async function readBody(response: Response, limit: number): Promise<Buffer> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of response.body ?? []) {
    length += part.length
    if (length > limit) throw new Final(`over ${Math.round(limit / 1_024)} kB`)
    parts.push(part)
  }
  return Buffer.concat(parts)
}

/** By the header's charset, else the one that the first bytes declare, else UTF-8. */
function decode(body: Buffer, contentType: string): string {
  const declared = /charset\s*=\s*["']?([\w-]+)/i
  const label = declared.exec(contentType)?.[1] ?? declared.exec(body.toString('latin1', 0, 1_024))?.[1] ?? 'utf-8'
  try {
    return new TextDecoder(label).decode(body)
  } catch {
    return new TextDecoder().decode(body)
  }
}

function retryAfterMs(header: string | null): number {
  if (!header) return 0
  const seconds = Number(header)
  const ms = Number.isNaN(seconds) ? Date.parse(header) - Date.now() : seconds * 1_000
  return Number.isFinite(ms) ? Math.max(0, ms) : 0
}
