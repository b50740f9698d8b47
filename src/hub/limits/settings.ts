import { TidingsError } from '../../errors.js'
import { defaults } from '../../protocol/defaults.js'

/** By what connections are counted. `anonymousAddress`: those of an address that are not signed in. `total`: of this node. */
export const connectionLimits = ['anonymousAddress', 'address', 'session', 'user', 'namespace', 'total'] as const
export type ConnectionLimit = (typeof connectionLimits)[number]

/** What is counted by the second. `polls` are all requests that only read, `jobCommands` all that write a job. */
export const limitedKinds = ['connects', 'polls', 'publishes', 'tokens', 'jobCommands'] as const
export type LimitedKind = (typeof limitedKinds)[number]

export const limitedBy = ['address', 'session', 'user', 'namespace'] as const
export type LimitedBy = (typeof limitedBy)[number]

export interface LimitRate {
  readonly perSecond: number
  /** As many at once. */
  readonly burst: number
}

/** Null: none. */
export type LimitSettings = { readonly connections: Readonly<Record<ConnectionLimit, number | null>> } & {
  readonly [Kind in LimitedKind]: Readonly<Record<LimitedBy, LimitRate | null>>
}

/** A number is both the rate and a fifth of what may come at once. 0 and null: no limit. */
export type GivenRate = number | null | { readonly perSecond: number; readonly burst?: number }

/** What may be set of the limits (A6); the rest keeps its default. A whole kind may be null: no limit of it. */
export type GivenLimits = {
  /** Open streams and held polls. */
  readonly connections?: Partial<Readonly<Record<ConnectionLimit, number | null>>> | null
} & { readonly [Kind in LimitedKind]?: Partial<Readonly<Record<LimitedBy, GivenRate>>> | null }

const burstSeconds = 5

/** Fills in the defaults; null sets no limit at all. Throws `option_invalid` naming the limit. */
export function resolveLimits(given: GivenLimits | null = {}): LimitSettings {
  known(given, ['connections', ...limitedKinds], 'limits')
  const kinds = limitedKinds.map((kind) => [kind, ratesOf(kind, given === null ? null : given[kind])] as const)
  return {
    connections: connectionsOf(given === null ? null : given.connections),
    ...(Object.fromEntries(kinds) as Record<LimitedKind, Record<LimitedBy, LimitRate | null>>),
  }
}

function connectionsOf(given: GivenLimits['connections'] = {}): LimitSettings['connections'] {
  known(given, connectionLimits, 'limits.connections')
  const number = (name: ConnectionLimit): number | null => {
    const value = given === null ? null : given[name] === undefined ? defaults.limits.connections[name] : given[name]
    return value === null || value === 0 ? null : whole(value, `limits.connections.${name}`)
  }
  return Object.fromEntries(connectionLimits.map((name) => [name, number(name)])) as LimitSettings['connections']
}

function ratesOf(kind: LimitedKind, given: GivenLimits[LimitedKind] = {}): Record<LimitedBy, LimitRate | null> {
  known(given, limitedBy, `limits.${kind}`)
  const rate = (by: LimitedBy): LimitRate | null => {
    const field = `limits.${kind}.${by}`
    const value = given === null ? null : given[by] === undefined ? (defaults.limits[kind][by] as GivenRate) : given[by]
    if (value === null || value === 0) return null
    if (typeof value !== 'object')
      return { perSecond: positive(value, field), burst: Math.max(1, burstSeconds * value) }
    known(value, ['perSecond', 'burst'], field)
    const perSecond = positive(value.perSecond, `${field}.perSecond`)
    const burst =
      value.burst === undefined ? Math.max(1, burstSeconds * perSecond) : whole(value.burst, `${field}.burst`)
    return { perSecond, burst }
  }
  return Object.fromEntries(limitedBy.map((by) => [by, rate(by)])) as Record<LimitedBy, LimitRate | null>
}

function known(given: unknown, names: readonly string[], at: string): void {
  if (given === null) return
  if (typeof given !== 'object' || Array.isArray(given)) throw invalid(at, 'must be an object of limits, or null')
  const unknown = Object.keys(given as object).find((name) => !names.includes(name))
  if (unknown !== undefined) throw invalid(`${at}.${unknown}`, `is unknown. There are ${names.join(', ')}`)
}

function whole(value: unknown, field: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 1)
    throw invalid(field, 'must be a whole number of at least 1')
  return value as number
}

function positive(value: unknown, field: string): number {
  if (typeof value !== 'number' || !(value > 0 && value <= 1e6))
    throw invalid(field, 'must be a number above 0 and up to 1,000,000')
  return value
}

const invalid = (field: string, what: string): TidingsError =>
  new TidingsError('option_invalid', `Option "${field}" ${what}.`, { field })
