import { TidingsError } from '../errors.js'
import { defaults } from '../protocol/defaults.js'

/** Numbers of a hub that can be set; all have defaults (spec §12). Times in ms, sizes in bytes. */
export interface HubSettings {
  /** Between pings of a stream. Default 25,000. */
  readonly heartbeatMs: number
  /** A stream ends with `rotate` at this age × a random 0.8–1. Default 1 h. */
  readonly maxAgeMs: number
  /** Native `retry:` told at connect, random between the two. Default 2,000–6,000. */
  readonly retryMs: { readonly from: number; readonly to: number }
  /** How long `close` waits for streams to end. Default 10,000. */
  readonly drainMs: number
  /** Readers come back from a shutdown at a random moment within this. Default 10,000. */
  readonly returnWindowMs: number
  /** Unsent bytes of a connection above which it stops taking live events. Default 64 KiB. */
  readonly unsentBytes: number
  /** A connection that takes no byte for this long while bytes wait is closed. Default 30,000. */
  readonly slowConsumerMs: number
  /** Newest announcements kept in memory per namespace. Default 4 MiB. */
  readonly ringBytes: number
  /** One read of a reader that catches up. Default 256 KiB and 1,000 events. */
  readonly pageBytes: number
  readonly pageEvents: number
  /** `data` of one event. Default 64 KiB. */
  readonly dataBytes: number
  /** A request body. Default 1 MiB. */
  readonly bodyBytes: number
  readonly eventsPerBatch: number
  readonly topicsPerStream: number
  readonly topicsPerEvent: number
  /** The longest a poll is held. Default 30,000. */
  readonly pollWaitMs: number
  /** Between looks for jobs whose deadline has passed. Default 1,000. */
  readonly sweepMs: number
  readonly protocolVersion: number
}

const names = [
  'heartbeatMs',
  'maxAgeMs',
  'drainMs',
  'returnWindowMs',
  'unsentBytes',
  'slowConsumerMs',
  'ringBytes',
  'pageBytes',
  'pageEvents',
  'dataBytes',
  'bodyBytes',
  'eventsPerBatch',
  'topicsPerStream',
  'topicsPerEvent',
  'pollWaitMs',
] as const

/** Fills in the defaults; throws `option_invalid` naming the option. */
export function resolveSettings(given: Partial<HubSettings>): HubSettings {
  for (const name of Object.keys(given)) {
    if (![...names, 'sweepMs', 'retryMs'].includes(name)) {
      throw new TidingsError('option_invalid', `Option "${name}" is unknown. See HubOptions for what there is.`, {
        field: name,
      })
    }
  }
  const settings = {
    ...defaults,
    sweepMs: 1_000,
    ...withoutUndefined(given),
    protocolVersion: defaults.protocolVersion,
  }
  const whole = (field: string, value: unknown, least: number): void => {
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least) {
      throw new TidingsError(
        'option_invalid',
        `Option "${field}" must be a whole number of at least ${least}, not ${String(value)}.`,
        { field },
      )
    }
  }
  for (const name of names) whole(name, settings[name], name === 'drainMs' || name === 'returnWindowMs' ? 0 : 1)
  whole('sweepMs', settings.sweepMs, 1)
  whole('retryMs.from', settings.retryMs?.from, 0)
  whole('retryMs.to', settings.retryMs.to, settings.retryMs.from)
  return settings
}

function withoutUndefined<Shape extends object>(given: Shape): Shape {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Shape
}
