import type { HubCore } from '../hub.js'
import type { Point } from './sampler.js'

export const healthStates = ['ok', 'degraded', 'failing'] as const
/** `degraded`: people notice; `failing`: it does not do what it is for. */
export type HealthState = (typeof healthStates)[number]

export interface Health {
  readonly status: HealthState
  /** The first of `reasons`. */
  readonly reason?: string
  /** In words, one for each part that is not ok. */
  readonly reasons: readonly string[]
  readonly parts: Readonly<Record<'store' | 'queue' | 'eventLoop' | 'errors' | 'readers', HealthState>>
  /** Failures of the last minute that no caller heard of. */
  readonly errorsPerMinute: number
  readonly store: { readonly kind: string; readonly available: boolean; readonly awayMs?: number }
}

/** From where on a part is degraded, and from where on it fails. */
const bounds = {
  eventLoopMs: [1_000, 5_000],
  errorsPerMinute: [10, 100],
  /** Of the streams, once there are enough for a share to mean something. */
  laggingShare: [0.25, 0.75],
  /** Of what the publish queue takes. */
  queueShare: [0.5, 1],
} as const
const leastStreams = 20

interface Found {
  readonly state: HealthState
  readonly reason: string
}

/** How a node does, from what it has at hand: nothing is measured for it. `seconds`: its last points, a second apart. */
export function healthOf({ presence, store, gauges, settings }: HubCore, seconds: readonly Point[]): Health {
  const { kind } = store
  const { available, wasThere, awayMs } = presence
  const errorsPerMinute = seconds.slice(-60).reduce((total, { errors }) => total + errors, 0)
  const eventLoopMs = Math.max(0, ...seconds.slice(-10).map((point) => point.eventLoopMs ?? 0))
  const { connections = 0, lagging = 0 } = seconds.at(-1) ?? {}
  const laggingShare = connections < leastStreams ? 0 : lagging / connections
  const { events, bytes } = settings.publishQueue
  const queueShare = Math.max(gauges.queuedEvents / events, gauges.queuedBytes / bytes)
  const since = `for ${Math.round(awayMs / 1000)} s`
  const away = wasThere ? `The store has been away ${since}.` : `The store has not been reached, ${since}.`
  const found: Record<keyof Health['parts'], Found> = {
    store: { state: available ? 'ok' : 'degraded', reason: away },
    queue: judged(
      queueShare,
      bounds.queueShare,
      `The queue of what waits for the store is ${Math.round(queueShare * 100)} % full.`,
    ),
    eventLoop: judged(
      eventLoopMs,
      bounds.eventLoopMs,
      `The event loop was held up for ${Math.round(eventLoopMs)} ms within the last seconds.`,
    ),
    errors: judged(
      errorsPerMinute,
      bounds.errorsPerMinute,
      `${errorsPerMinute} failures within a minute that no caller heard of: see the log.`,
    ),
    readers: judged(laggingShare, bounds.laggingShare, `${Math.round(laggingShare * 100)} % of the connections lag.`),
  }
  const all = Object.values(found)
  const reasons = all.filter(({ state }) => state !== 'ok').map(({ reason }) => reason)
  const status = healthStates.findLast((state) => all.some((each) => each.state === state)) ?? 'ok'
  const [reason] = reasons
  return {
    status,
    ...(reason !== undefined && { reason }),
    reasons,
    parts: Object.fromEntries(Object.entries(found).map(([part, { state }]) => [part, state])) as Health['parts'],
    errorsPerMinute,
    store: { kind, available, ...(!available && { awayMs: Math.round(awayMs) }) },
  }
}

const judged = (value: number, [degraded, failing]: readonly [number, number], reason: string): Found => ({
  state: value >= failing ? 'failing' : value >= degraded ? 'degraded' : 'ok',
  reason,
})
