import { TidingsError } from '../errors.js'
import { defaults } from '../protocol/defaults.js'

/** How long and how much a store keeps of each topic (S4). All are floors: a store may keep up to 10 % more. */
export interface Retention {
  /** Newest events of a topic. Default 1,000. */
  readonly events: number
  /** Bytes of a topic, whichever of the two is reached first. Default 4 MiB. The newest event always stays. */
  readonly bytes: number
  /** Age of events. Default 24 h. */
  readonly ageMs: number
  /** Age of events of `user:` and `jobs:` topics. Default 7 days. */
  readonly personalAgeMs: number
}

/** What every store takes. */
export interface StoreLimits {
  readonly retention?: Partial<Retention>
  /** Bytes kept per namespace before publishes are refused with 507. Default 1 GiB. */
  readonly quotaBytes?: number
  /** How long repeated ids are recognised: whichever ends first. Default 5 minutes, 1,000,000 ids. */
  readonly idWindow?: { readonly ageMs?: number; readonly ids?: number }
}

export interface ResolvedStoreLimits {
  readonly retention: Retention
  readonly quotaBytes: number
  readonly idWindow: { readonly ageMs: number; readonly ids: number }
}

/** Fills in the defaults; throws `option_invalid` naming the option. */
export function resolveStoreLimits(limits: StoreLimits): ResolvedStoreLimits {
  const resolved = {
    retention: { ...defaults.retention, ...limits.retention },
    quotaBytes: limits.quotaBytes ?? defaults.quotaBytes,
    idWindow: { ...defaults.idWindow, ...limits.idWindow },
  }
  for (const [name, value] of Object.entries(resolved.retention)) positive(`retention.${name}`, value)
  for (const [name, value] of Object.entries(resolved.idWindow)) positive(`idWindow.${name}`, value)
  positive('quotaBytes', resolved.quotaBytes)
  return resolved
}

function positive(field: string, value: unknown): void {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1) {
    throw new TidingsError(
      'option_invalid',
      `Option "${field}" must be a whole number of at least 1, not ${String(value)}.`,
      { field },
    )
  }
}

/** Whether a topic is a person's, whose events are kept for longer. */
export const isPersonal = (topic: string): boolean => topic.startsWith('user:') || topic.startsWith('jobs:')

/** The age at which events of `topic` may go. */
export function retentionAgeMs(retention: Retention, topic: string): number {
  return isPersonal(topic) ? retention.personalAgeMs : retention.ageMs
}

/** The longest age of any topic: how far back the coarse clock must reach. */
export const longestAgeMs = (retention: Retention): number => Math.max(retention.ageMs, retention.personalAgeMs)
