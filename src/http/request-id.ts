import type { Incoming } from '../auth/incoming.js'
import { type Random, randomToken } from '../random.js'

const shape = /^[A-Za-z0-9._~-]{1,64}$/

/** What a refused request is called in its answer and in the log: as a proxy called it, or a name made here. */
export function requestIdOf(request: Incoming, random: Random): string {
  const given = request.header('X-Request-Id')
  return given !== null && shape.test(given) ? given : randomToken(random, 12)
}
