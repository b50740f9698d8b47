import { systemClock } from '../clock.js'
import { TidingsError } from '../errors.js'
import { uuidv7Ids } from '../ids.js'
import { paths } from '../protocol/names.js'
import { systemRandom } from '../random.js'
import { request } from './request.js'
import type { Target } from './target.js'

export interface Publishing {
  readonly topic: string
  readonly type: string
  /** JSON text. */
  readonly data: string
  readonly id?: string | undefined
  readonly priority?: string | undefined
}

/** Publishes one event and returns the hub's answer as JSON text. Throws `event_invalid` for what is no JSON, and what the hub refuses. */
export async function publish(hub: Target, { topic, type, data, id, priority }: Publishing): Promise<string> {
  const makeId = uuidv7Ids(systemClock, systemRandom)
  const body = { id: id ?? makeId(), topic, type, data: parse(data), ...(priority && { priority }) }
  return await request(hub, 'POST', paths.events, { body })
}

function parse(data: string): unknown {
  try {
    return JSON.parse(data)
  } catch (cause) {
    throw new TidingsError('event_invalid', `<json> is no JSON: ${(cause as Error).message}`, { field: 'json', cause })
  }
}
