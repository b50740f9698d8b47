import { backoffMs } from '../client/backoff.js'
import { systemClock, wait } from '../clock.js'
import { backoffFromMs } from '../protocol/defaults.js'
import { systemRandom } from '../random.js'
import { addressOf, isTemporary, type Refusal, refusalOf, type Target } from './target.js'

const tries = 5

/** The hub refused for good, or five tries found nobody. Its message is for people. */
export class RequestRefused extends Error {
  /** The address that was asked. */
  readonly hub: string
  /** Null: no answer. */
  readonly status: number | null
  /** Whether it is in the words of a hub: else something else answers there. */
  readonly byHub: boolean

  constructor(message: string, hub: Target, refusal?: Refusal) {
    super(message)
    this.hub = hub.url
    this.status = refusal?.status ?? null
    this.byHub = refusal?.byHub ?? false
  }
}

/**
 * Asks the hub and returns its answer as text, trying up to five times while it cannot be reached or is only busy. What
 * changes something has to carry an id in its `body`, so that it is safe to send it again when an answer is lost (D3).
 */
export async function request(
  hub: Target,
  method: string,
  path: string,
  { body, query = [] }: { readonly body?: object; readonly query?: readonly (readonly [string, string])[] } = {},
): Promise<string> {
  let trouble = ''
  let last: Refusal | undefined
  for (let attempt = 0; attempt < tries; attempt++) {
    let refusal: Refusal | undefined
    try {
      const response = await fetch(addressOf(hub, path, query), {
        method,
        headers: { ...hub.headers, ...(body && { 'Content-Type': 'application/json' }) },
        ...(body && { body: JSON.stringify(body) }),
      })
      if (response.ok) return (await response.text()).trim()
      refusal = await refusalOf(response)
      trouble = refusal.message
    } catch (cause) {
      trouble = `No answer from ${hub.url}: ${reasonOf(cause)}.`
    }
    if (refusal && !isTemporary(refusal.status)) throw new RequestRefused(refusal.message, hub, refusal)
    last = refusal
    const pauseMs = refusal?.retryAfterMs ?? backoffMs(attempt, backoffFromMs, systemRandom.fraction())
    if (attempt + 1 < tries) await wait(systemClock, pauseMs, undefined, { keepsProcess: true })
  }
  throw new RequestRefused(`${trouble} Given up after ${tries} tries.`, hub, last)
}

/** fetch says "fetch failed" and keeps the reason below. */
export function reasonOf(cause: unknown): string {
  const below = cause instanceof Error ? (cause.cause as NodeJS.ErrnoException | undefined) : undefined
  return (
    below?.code ?? (below instanceof Error ? below.message : cause instanceof Error ? cause.message : String(cause))
  )
}
