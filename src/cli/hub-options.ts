import type { HubOptions } from '../index.js'
import type { serveSettings } from './serve-settings.js'

type SettingName = keyof typeof serveSettings

/** The settings that fill an option, or why none does. */
type Filled = readonly SettingName[] | { readonly not: string }

/**
 * Every option of `createHub`, and the settings of `tidings serve` that stand for it (H10). The type demands each option: who
 * adds one to the hub says here how an operator sets it, or why that cannot be.
 */
export const settingsOfOptions: Readonly<Record<keyof HubOptions, Filled>> = {
  authenticate: { not: 'a function of the application; a hub of its own takes tokens' },
  sessionCookies: { not: 'goes with `authenticate`' },
  jwt: ['jwtSecret', 'jwks', 'jwtAlgorithms', 'jwtIssuer', 'jwtAudience'],
  urlTokens: ['urlTokens'],
  development: ['dev'],
  authorize: { not: 'a function of the application' },
  filter: { not: 'a function of the application' },
  publicTopics: ['publicTopics'],
  anonymous: ['anonymous'],
  store: [
    'store',
    'synchronous',
    'newEpoch',
    'redisPrefix',
    'redisUsername',
    'redisPassword',
    'redisAllowEviction',
    'redisCommandTimeoutMs',
    'redisConnectTimeoutMs',
    'retentionEvents',
    'retentionBytes',
    'retentionMs',
    'personalRetentionMs',
    'quotaBytes',
  ],
  events: ['events', 'eventsOpen'],
  allowedOrigins: ['allowedOrigins'],
  trustedProxies: ['trustedProxies'],
  addressHeader: ['addressHeader'],
  limits: ['maxConnections', 'connectRate', 'pollRate', 'publishRate', 'tokenRate', 'jobRate'],
  compress: ['compress'],
  dashboard: ['dashboard', 'dashboardHosts'],
  metrics: ['metrics'],
  log: { not: 'a logger; a hub of its own has one, see `--log-level`' },
  clock: { not: 'for tests' },
  random: { not: 'for tests' },
  onError: { not: 'a function of the application; a hub of its own writes them to its log' },
  heartbeatMs: ['heartbeatMs'],
  maxAgeMs: ['maxAgeMs'],
  retryMs: ['retryFromMs', 'retryToMs'],
  drainMs: ['drainMs'],
  returnWindowMs: ['returnWindowMs'],
  unsentBytes: ['unsentBytes'],
  slowConsumerMs: ['slowConsumerMs'],
  ringBytes: ['ringBytes'],
  pageBytes: ['pageBytes'],
  pageEvents: ['pageEvents'],
  dataBytes: ['dataBytes'],
  bodyBytes: ['bodyBytes'],
  eventsPerBatch: ['eventsPerBatch'],
  entriesPerBatch: ['entriesPerBatch'],
  topicsPerStream: ['topicsPerStream'],
  topicsPerEvent: ['topicsPerEvent'],
  pollWaitMs: ['pollWaitMs'],
  sweepMs: ['sweepMs'],
  jobEventsPerSecond: ['jobEventsPerSecond'],
  publishQueue: ['publishQueueEvents', 'publishQueueBytes', 'publishQueueAnswerMs'],
  notReadyAfterMs: ['notReadyAfterMs'],
  probeMs: ['probeMs'],
  longestTokenMs: ['longestTokenMs'],
}
