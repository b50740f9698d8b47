import { json } from '../body.js'
import type { HttpParts } from '../parts.js'

/** `GET /health`: the process answers. Open to everybody, so it says nothing else. */
export function getHealth(): Response {
  return json({ status: 'ok' })
}

/** `GET /ready`: whether new readers should be sent here. */
export function getReady(parts: HttpParts): Response {
  return parts.core.draining ? json({ ready: false, reason: 'draining' }, 503) : json({ ready: true })
}
