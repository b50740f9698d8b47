import { createRequire } from 'node:module'
import type robotsParserType from 'robots-parser'
import { type Dispatcher, type Response, fetch } from 'undici'
import { AddressRefused } from './address-guard.js'
import { reasonOf } from './reason.js'

// Its types promise a default export that the CommonJS module does not have.
const robotsParser = createRequire(import.meta.url)('robots-parser') as typeof robotsParserType.default

/** How this crawler calls itself, to sites and in robots.txt. */
const robotName = 'tidings-docs-crawler'
export const userAgent = `${robotName}/0.1`

export interface RobotRules {
  /** Null when the page may be read, else why not. */
  refusal(url: string): string | null
  /** What the site asks for between two requests. */
  readonly delayMs: number
}

const keptMs = 3_600_000
/** A site that could not say is asked again soon. */
const keptUnknownMs = 30_000
/** RFC 9309 asks for at least 500 KiB; more than this is not read. */
const longestText = 512 * 1024
const longestDelayMs = 30_000

/** The robots.txt of each origin, read once an hour (RFC 9309). */
export class Robots {
  readonly #dispatcher: Dispatcher
  readonly #timeoutMs: number
  readonly #kept = new Map<string, { rules: Promise<RobotRules>; until: number }>()

  constructor(dispatcher: Dispatcher, timeoutMs = 10_000) {
    this.#dispatcher = dispatcher
    this.#timeoutMs = timeoutMs
  }

  rulesOf(origin: string): Promise<RobotRules> {
    const now = Date.now()
    const kept = this.#kept.get(origin)
    if (kept && kept.until > now) return kept.rules
    for (const [known, entry] of this.#kept) if (entry.until <= now) this.#kept.delete(known)
    const entry = { rules: this.#read(origin), until: now + keptMs }
    this.#kept.set(origin, entry)
    entry.rules.catch(() => {
      entry.until = Date.now() + keptUnknownMs
    })
    return entry.rules
  }

  /** Without a robots.txt (4xx) everything may be read; one that cannot be had (5xx, no answer) stops us, as RFC 9309 says. */
  async #read(origin: string): Promise<RobotRules> {
    const url = `${origin}/robots.txt`
    let text: string
    try {
      const response = await fetch(url, {
        dispatcher: this.#dispatcher,
        headers: { 'user-agent': userAgent },
        signal: AbortSignal.timeout(this.#timeoutMs),
      })
      if (response.status >= 500) throw new Error(`answered ${response.status}`)
      text = response.ok ? await readText(response, longestText) : ''
    } catch (error) {
      if (error instanceof Error && error.cause instanceof AddressRefused) throw error.cause
      throw new Error(`${url} could not be read: ${reasonOf(error)}`, { cause: error })
    }
    const robots = robotsParser(url, text)
    return {
      refusal: (page) => (robots.isAllowed(page, robotName) === false ? 'robots.txt asks not to read it' : null),
      delayMs: Math.min((robots.getCrawlDelay(robotName) ?? 0) * 1_000, longestDelayMs),
    }
  }
}

/** The beginning of a body, and no more: a site may send without end, or a few bytes that unpack to a gigabyte. */
async function readText(response: Response, limit: number): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const part of response.body ?? []) {
    text += decoder.decode(part, { stream: true })
    if (text.length >= limit) break
  }
  return text.slice(0, limit)
}
