import { type Answer, json } from '../answer.js'
import type { HttpParts } from '../parts.js'

/**
 * `GET /health`: the process answers, and how it does. Open to everybody, so the reason is in our words: the store's own
 * names addresses, and stands in the log. Always 200, because a restart would not bring the store back.
 */
export function getHealth({ core }: HttpParts): Answer {
  const { available, wasThere, awayMs } = core.presence
  const { kind } = core.store
  if (available) return json({ status: 'ok', store: { kind, available } })
  const since = `for ${Math.round(awayMs / 1000)} s`
  const reason = wasThere ? `The store has been away ${since}.` : `The store has not been reached, ${since}.`
  return json({ status: 'degraded', reason, store: { kind, available, awayMs: Math.round(awayMs) } })
}

/** `GET /ready`: whether new readers should be sent here. */
export function getReady({ core }: HttpParts): Answer {
  const { available, wasThere, awayMs } = core.presence
  if (core.draining) return json({ ready: false, reason: 'draining' }, 503)
  // A node that has never had its store has nothing to go on with; one that lost it may get it back in a moment.
  const without = !available && (!wasThere || awayMs >= core.settings.notReadyAfterMs)
  return without ? json({ ready: false, reason: 'store' }, 503) : json({ ready: true })
}
