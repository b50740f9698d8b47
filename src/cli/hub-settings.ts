import type { GivenSettings } from '../hub/settings.js'
import type { HubOptions } from '../index.js'
import { defaults } from '../protocol/defaults.js'
import { contradiction } from './refusal.js'
import { type ValuesOf, onOff, oneOf, present, whole } from './setting.js'

/** The numbers of a hub (§12). */
export const hubSettings = {
  heartbeatMs: whole('--heartbeat-ms <ms>', 'between pings of a stream', { fallback: defaults.heartbeatMs }),
  maxAgeMs: whole('--max-age-ms <ms>', 'age at which a stream is renewed', { fallback: defaults.maxAgeMs }),
  drainMs: whole('--drain-ms <ms>', 'how long a shutdown waits for streams', { fallback: defaults.drainMs, least: 0 }),
  returnWindowMs: whole('--return-window-ms <ms>', 'readers come back from a shutdown spread over this', {
    fallback: defaults.returnWindowMs,
    least: 0,
  }),
  unsentBytes: whole('--unsent-bytes <bytes>', 'of a slow reader, before it becomes a position', {
    fallback: defaults.unsentBytes,
  }),
  slowConsumerMs: whole('--slow-consumer-ms <ms>', 'a reader that takes nothing is closed', {
    fallback: defaults.slowConsumerMs,
  }),
  ringBytes: whole('--ring-bytes <bytes>', 'newest events held in memory', { fallback: defaults.ringBytes }),
  retryFromMs: whole(
    '--retry-from-ms <ms>',
    'a native EventSource that lost its stream comes back after this at the earliest',
    { fallback: defaults.retryMs.from, least: 0 },
  ),
  retryToMs: whole('--retry-to-ms <ms>', 'and after this at the latest', { fallback: defaults.retryMs.to, least: 0 }),
  pageBytes: whole('--page-bytes <bytes>', 'one read of a reader that catches up', { fallback: defaults.pageBytes }),
  pageEvents: whole('--page-events <number>', 'the same in events', { fallback: defaults.pageEvents }),
  dataBytes: whole('--data-bytes <bytes>', 'largest data of an event', { fallback: defaults.dataBytes }),
  bodyBytes: whole('--body-bytes <bytes>', 'largest request body', { fallback: defaults.bodyBytes }),
  eventsPerBatch: whole('--events-per-batch <number>', 'in one publish', { fallback: defaults.eventsPerBatch }),
  entriesPerBatch: whole('--entries-per-batch <number>', 'topics of all events of one publish together', {
    fallback: defaults.entriesPerBatch,
  }),
  topicsPerStream: whole('--topics-per-stream <number>', 'in one stream', { fallback: defaults.topicsPerStream }),
  topicsPerEvent: whole('--topics-per-event <number>', 'of one event', { fallback: defaults.topicsPerEvent }),
  pollWaitMs: whole('--poll-wait-ms <ms>', 'longest time a poll is held', { fallback: defaults.pollWaitMs }),
  publishQueueEvents: whole('--publish-queue-events <number>', 'events that wait while the store is away', {
    fallback: defaults.publishQueue.events,
  }),
  publishQueueBytes: whole('--publish-queue-bytes <bytes>', 'the same in bytes', {
    fallback: defaults.publishQueue.bytes,
  }),
  publishQueueAnswerMs: whole('--publish-queue-answer-ms <ms>', 'a publish that waits is answered 202 after this', {
    fallback: defaults.publishQueue.answerMs,
  }),
  notReadyAfterMs: whole('--not-ready-after-ms <ms>', 'without its store for this long the hub is not ready', {
    fallback: defaults.notReadyAfterMs,
    least: 0,
  }),
  probeMs: whole('--probe-ms <ms>', 'a silent feed of a store on the network is probed', {
    fallback: defaults.probeMs,
  }),
  longestTokenMs: whole(
    '--longest-token-ms <ms>',
    'a token that lives longer is refused; revocations are kept as long',
    { fallback: defaults.longestTokenMs },
  ),
  sweepMs: whole('--sweep-ms <ms>', 'between looks for jobs that nobody works on any more', { fallback: 1000 }),
  compress: onOff('--compress', 'compress streams too, where the reader takes gzip; polls always are'),
  metrics: oneOf(
    '--metrics <who>',
    'who may read /metrics: admins of the namespace default, or everybody',
    ['admin', 'open'],
    {
      fallback: 'admin',
    },
  ),
  jobEventsPerSecond: whole(
    '--job-events-per-second <number>',
    'most progress events of a job that asks for no other rate',
    { fallback: defaults.jobEventsPerSecond },
  ),
} as const

/** As `createHub` takes them: there, those of a group are one option. */
export function planHub(
  values: ValuesOf<typeof hubSettings>,
): GivenSettings & Partial<Pick<HubOptions, 'compress' | 'metrics'>> {
  const { publishQueueEvents, publishQueueBytes, publishQueueAnswerMs, retryFromMs, retryToMs, ...rest } = values
  const given = Object.fromEntries(Object.entries(rest).filter(([name]) => name in hubSettings))
  const { from, to } = { from: retryFromMs ?? defaults.retryMs.from, to: retryToMs ?? defaults.retryMs.to }
  if (from > to) throw contradiction('--retry-from-ms', '--retry-to-ms', `${from} is more than ${to}.`)
  const queue = { events: publishQueueEvents, bytes: publishQueueBytes, answerMs: publishQueueAnswerMs }
  return { ...given, retryMs: { from, to }, publishQueue: present(queue) }
}
