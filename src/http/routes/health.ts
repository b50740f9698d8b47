import { healthOf } from '../../hub/figures/health.js'
import { type Answer, json } from '../answer.js'
import type { HttpParts } from '../parts.js'

/**
 * `GET /health`: the process answers, and how it does. Open to everybody, so reasons are in our words: the store's own name
 * addresses, and stand in the log. Always 200, because a restart would not bring the store back.
 */
export const getHealth = ({ core, statistics }: HttpParts): Answer => json(healthOf(core, statistics.sampler.points(1)))

/** `GET /ready`: whether new readers should be sent here. */
export function getReady({ core }: HttpParts): Answer {
  const { available, wasThere, awayMs } = core.presence
  if (core.draining) return json({ ready: false, reason: 'draining' }, 503)
  // A node that has never had its store has nothing to go on with; one that lost it may get it back in a moment.
  const without = !available && (!wasThere || awayMs >= core.settings.notReadyAfterMs)
  return without ? json({ ready: false, reason: 'store' }, 503) : json({ ready: true })
}
