import { backoffMs } from '../client/backoff.js'
import { systemClock, wait } from '../clock.js'
import { TidingsError } from '../errors.js'
import { uuidv7Ids } from '../ids.js'
import { backoffMs as bounds } from '../protocol/defaults.js'
import { paths } from '../protocol/names.js'
import { systemRandom } from '../random.js'
import { addressOf, isTemporary, type Refusal, refusalOf, type Target } from './target.js'

export interface Publishing {
  readonly topic: string
  readonly type: string
  /** JSON text. */
  readonly data: string
  readonly id?: string | undefined
  readonly priority?: string | undefined
}

const tries = 5

/**
 * Publishes one event and returns the hub's answer as JSON text. The event has an id from the start, so that it is safe to
 * send it again when an answer is lost (D3). Throws `event_invalid` for what is no JSON, and what the hub refuses.
 */
export async function publish(hub: Target, { topic, type, data, id, priority }: Publishing): Promise<string> {
  const makeId = uuidv7Ids(systemClock, systemRandom)
  const body = JSON.stringify({ id: id ?? makeId(), topic, type, data: parse(data), ...(priority && { priority }) })
  let trouble = ''
  for (let attempt = 0; attempt < tries; attempt++) {
    let refusal: Refusal | null = null
    try {
      const response = await fetch(addressOf(hub, paths.events), {
        method: 'POST',
        headers: { ...hub.headers, 'Content-Type': 'application/json' },
        body,
      })
      if (response.ok) return (await response.text()).trim()
      refusal = await refusalOf(response)
      trouble = refusal.message
    } catch (cause) {
      trouble = `No answer from ${hub.url}: ${reasonOf(cause)}`
    }
    if (refusal && !isTemporary(refusal.status)) throw new PublishRefused(refusal.message)
    const pauseMs = refusal?.retryAfterMs ?? backoffMs(attempt, bounds.from, systemRandom.fraction())
    if (attempt + 1 < tries) await wait(systemClock, pauseMs, undefined, { keepsProcess: true })
  }
  throw new PublishRefused(`${trouble} Given up after ${tries} tries.`)
}

export class PublishRefused extends Error {}

function parse(data: string): unknown {
  try {
    return JSON.parse(data)
  } catch (cause) {
    throw new TidingsError('event_invalid', `<json> is no JSON: ${(cause as Error).message}`, { field: 'json', cause })
  }
}

/** fetch says "fetch failed" and keeps the reason below. */
export function reasonOf(cause: unknown): string {
  const below = cause instanceof Error ? (cause.cause as NodeJS.ErrnoException | undefined) : undefined
  return (
    below?.code ?? (below instanceof Error ? below.message : cause instanceof Error ? cause.message : String(cause))
  )
}
