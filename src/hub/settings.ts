import { TidingsError } from '../errors.js'
import { defaults } from '../protocol/defaults.js'
import { jobLimits } from '../protocol/job-input.js'

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
  /** Events of one publish. Default 1,000. */
  readonly eventsPerBatch: number
  /** Topics of all events of one publish together. Default 5,000. */
  readonly entriesPerBatch: number
  /** Topics, and types, that one reader names. Default 100. */
  readonly topicsPerStream: number
  /** Default 100. */
  readonly topicsPerEvent: number
  /** The longest a poll is held. Default 30,000. */
  readonly pollWaitMs: number
  /** Between looks for jobs whose deadline has passed. Default 1,000. */
  readonly sweepMs: number
  /** Most progress events a second of a job that asks for no other rate (J5). 1–100, default 10. */
  readonly jobEventsPerSecond: number
  /**
   * What waits while the store is away: at most this many events and bytes; beyond, a publish is refused with
   * `store_unavailable`. Over HTTP a publish that waits is answered 202 after `answerMs`. Default 10,000, 16 MiB and 2,000 (S5).
   */
  readonly publishQueue: { readonly events: number; readonly bytes: number; readonly answerMs: number }
  /** `/ready` says no when the store has been away for this long. Default 10,000 (S5). */
  readonly notReadyAfterMs: number
  /** The feed of a store on the network is probed after this much silence. Default 5,000. */
  readonly probeMs: number
  /**
   * The longest that a token may live; one that lives longer is refused. Revocations are remembered for as long. Default 30
   * days (A5).
   */
  readonly longestTokenMs: number
}

/** Settings as they are given: any of them, the parts of a group too. */
export type GivenSettings = Partial<Omit<HubSettings, 'publishQueue'>> & {
  readonly publishQueue?: Partial<HubSettings['publishQueue']>
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
  'entriesPerBatch',
  'topicsPerStream',
  'topicsPerEvent',
  'pollWaitMs',
  'notReadyAfterMs',
  'probeMs',
  'longestTokenMs',
  'jobEventsPerSecond',
] as const
const mayBeZero: ReadonlySet<string> = new Set(['drainMs', 'returnWindowMs', 'notReadyAfterMs'])
const queueNames = ['events', 'bytes', 'answerMs'] as const

/** Fills in the defaults; throws `option_invalid` naming the option. */
export function resolveSettings(given: GivenSettings): HubSettings {
  refuseUnknown(given, [...names, 'sweepMs', 'retryMs', 'publishQueue'], '')
  if (given.publishQueue !== undefined) refuseUnknown(given.publishQueue, queueNames, 'publishQueue.')
  const settings = {
    ...defaults,
    sweepMs: 1_000,
    ...withoutUndefined(given),
    publishQueue: { ...defaults.publishQueue, ...withoutUndefined(given.publishQueue ?? {}) },
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
  for (const name of names) whole(name, settings[name], mayBeZero.has(name) ? 0 : 1)
  for (const name of queueNames) whole(`publishQueue.${name}`, settings.publishQueue[name], 1)
  whole('sweepMs', settings.sweepMs, 1)
  if (settings.jobEventsPerSecond > jobLimits.eventsPerSecond) {
    throw new TidingsError(
      'option_invalid',
      `Option "jobEventsPerSecond" must be at most ${jobLimits.eventsPerSecond}, not ${settings.jobEventsPerSecond}.`,
      { field: 'jobEventsPerSecond' },
    )
  }
  whole('retryMs.from', settings.retryMs?.from, 0)
  whole('retryMs.to', settings.retryMs.to, settings.retryMs.from)
  return settings
}

function refuseUnknown(given: object, names: readonly string[], at: string): void {
  for (const name of typeof given === 'object' && given !== null ? Object.keys(given) : ['']) {
    if (names.includes(name)) continue
    throw new TidingsError('option_invalid', `Option "${at}${name}" is unknown. See HubOptions for what there is.`, {
      field: at + name,
    })
  }
}

function withoutUndefined<Shape extends object>(given: Shape): Shape {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Shape
}
