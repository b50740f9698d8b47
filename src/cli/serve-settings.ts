import type { GivenSettings } from '../hub/settings.js'
import type { HubOptions } from '../index.js'
import { limitSettings, planLimits } from './limit-settings.js'
import { type ListenerPlan, listenerSettings, planListener } from './listener.js'
import { defaults } from '../protocol/defaults.js'
import {
  type Environment,
  type ValuesOf,
  oneOf,
  onOff,
  present,
  readSettings,
  refuseUnknownVariables,
  text,
  whole,
} from './setting.js'
import { planSignIn, signInSettings } from './sign-in.js'
import { type StorePlan, planStore, storeSettings } from './store.js'
import { target } from './target.js'

/** All that `tidings serve` can be told, each a flag and a variable (spec H10). */
export const serveSettings = {
  host: text('--host <address>', 'address to listen on (default 127.0.0.1)'),
  port: whole('--port <number>', 'port to listen on, 0 for a free one (default 4000)', { least: 0, most: 65_535 }),
  ...storeSettings,
  ...signInSettings,
  ...limitSettings,
  ...listenerSettings,
  logLevel: oneOf('--log-level <level>', 'least level of log lines (default info)', [
    'debug',
    'info',
    'warn',
    'error',
    'silent',
  ]),
  heartbeatMs: whole('--heartbeat-ms <ms>', `between pings of a stream (default ${defaults.heartbeatMs})`),
  maxAgeMs: whole('--max-age-ms <ms>', `age at which a stream is renewed (default ${defaults.maxAgeMs})`),
  drainMs: whole('--drain-ms <ms>', `how long a shutdown waits for streams (default ${defaults.drainMs})`, {
    least: 0,
  }),
  returnWindowMs: whole(
    '--return-window-ms <ms>',
    `readers come back from a shutdown spread over this (default ${defaults.returnWindowMs})`,
    { least: 0 },
  ),
  unsentBytes: whole(
    '--unsent-bytes <bytes>',
    `of a slow reader, before it becomes a position (default ${defaults.unsentBytes})`,
  ),
  slowConsumerMs: whole(
    '--slow-consumer-ms <ms>',
    `a reader that takes nothing is closed (default ${defaults.slowConsumerMs})`,
  ),
  ringBytes: whole('--ring-bytes <bytes>', `newest events held in memory (default ${defaults.ringBytes})`),
  pageBytes: whole('--page-bytes <bytes>', `one read of a reader that catches up (default ${defaults.pageBytes})`),
  pageEvents: whole('--page-events <number>', `the same in events (default ${defaults.pageEvents})`),
  dataBytes: whole('--data-bytes <bytes>', `largest data of an event (default ${defaults.dataBytes})`),
  bodyBytes: whole('--body-bytes <bytes>', `largest request body (default ${defaults.bodyBytes})`),
  eventsPerBatch: whole('--events-per-batch <number>', `in one publish (default ${defaults.eventsPerBatch})`),
  entriesPerBatch: whole(
    '--entries-per-batch <number>',
    `topics of all events of one publish together (default ${defaults.entriesPerBatch})`,
  ),
  topicsPerStream: whole('--topics-per-stream <number>', `in one stream (default ${defaults.topicsPerStream})`),
  topicsPerEvent: whole('--topics-per-event <number>', `of one event (default ${defaults.topicsPerEvent})`),
  pollWaitMs: whole('--poll-wait-ms <ms>', `longest time a poll is held (default ${defaults.pollWaitMs})`),
  publishQueueEvents: whole(
    '--publish-queue-events <number>',
    `events that wait while the store is away (default ${defaults.publishQueue.events})`,
  ),
  publishQueueBytes: whole(
    '--publish-queue-bytes <bytes>',
    `the same in bytes (default ${defaults.publishQueue.bytes})`,
  ),
  publishQueueAnswerMs: whole(
    '--publish-queue-answer-ms <ms>',
    `a publish that waits is answered 202 after this (default ${defaults.publishQueue.answerMs})`,
  ),
  notReadyAfterMs: whole(
    '--not-ready-after-ms <ms>',
    `without its store for this long the hub is not ready (default ${defaults.notReadyAfterMs})`,
    { least: 0 },
  ),
  probeMs: whole('--probe-ms <ms>', `a silent feed of a store on the network is probed (default ${defaults.probeMs})`),
  longestTokenMs: whole(
    '--longest-token-ms <ms>',
    `a token that lives longer is refused; revocations are kept as long (default ${defaults.longestTokenMs})`,
  ),
  sweepMs: whole('--sweep-ms <ms>', 'between looks for jobs that nobody works on any more (default 1000)'),
  compress: onOff('--compress', 'compress streams too, where the reader takes gzip; polls always are'),
  jobEventsPerSecond: whole(
    '--job-events-per-second <number>',
    `most progress events of a job that asks for no other rate (default ${defaults.jobEventsPerSecond})`,
  ),
} as const

/** What to start, checked. */
export interface ServePlan {
  readonly host: string
  readonly port: number
  readonly store: StorePlan
  readonly logLevel: string
  readonly listener: ListenerPlan
  readonly hub: HubOptions
}

/** Throws `option_invalid` naming a setting that is malformed, unknown, missing, or that contradicts another one. */
export function planServe(flags: Readonly<Record<string, string | true>>, environment: Environment): ServePlan {
  refuseUnknownVariables([...Object.values(serveSettings), ...Object.values(target)], environment)
  const values = readSettings(serveSettings, flags, environment)
  const { host = '127.0.0.1', port = 4000, logLevel = 'info', ...rest } = values
  const store = planStore(values)
  return {
    host,
    port,
    store,
    logLevel,
    listener: planListener(values),
    hub: {
      ...hubSettings(rest),
      ...planSignIn(values, host),
      ...planLimits(values),
    },
  }
}

/** What is left for the hub: the settings of its queue are one option there. */
function hubSettings(values: Omit<ValuesOf<typeof serveSettings>, 'host' | 'port' | 'logLevel'>): GivenSettings {
  const { publishQueueEvents, publishQueueBytes, publishQueueAnswerMs, ...rest } = values
  const taken = { ...storeSettings, ...signInSettings, ...limitSettings, ...listenerSettings }
  const others = Object.fromEntries(Object.entries(rest).filter(([name]) => !(name in taken)))
  const queue = { events: publishQueueEvents, bytes: publishQueueBytes, answerMs: publishQueueAnswerMs }
  return { ...others, publishQueue: present(queue) }
}
