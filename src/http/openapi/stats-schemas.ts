import { histogramNames } from '../../hub/figures/node-figures.js'
import { type Schema, flag, list, named, object, orNull, text, unixMs, whole } from './schema.js'
import { typeCounts } from './type-counts.js'

const number = (description: string): Schema => ({ type: 'number', description })
const counts = (description: string): Schema => ({
  type: 'object',
  description,
  additionalProperties: whole('How many'),
})
const ms = (description: string): Schema => orNull(number(`${description}, ms; null: nothing was measured`))

const node = object('One node', {
  id: text('Made anew at each start'),
  startedAt: unixMs('When it started'),
  uptimeMs: whole('For how long it has run'),
  draining: flag('Whether it is shutting down'),
  store: object('Its store', {
    kind: text('Which'),
    available: flag('Whether it answers'),
    awayMs: whole('For how long it has not'),
  }),
  memory: object('Of the process', {
    rssBytes: whole('Resident'),
    heapUsedBytes: whole('Heap in use'),
    heapTotalBytes: whole('Heap'),
    externalBytes: whole('Outside of the heap'),
  }),
  eventLoop: {
    anyOf: [
      object('Of the last second', { p50Ms: number('Median'), p99Ms: number('99 %'), maxMs: number('The longest') }),
      { type: 'null' },
    ],
  },
  connections: whole('Open'),
  subscriptions: whole('Namespaces whose feed it hears'),
  timers: whole('What waits for its time'),
})

const point = object('One moment; rates are a second', {
  at: unixMs('The end of its step'),
  connections: whole('Open'),
  lagging: whole('Streams that have not had what they could have'),
  inPerSecond: number('Events stored'),
  outPerSecond: number('Events delivered'),
  p50Ms: ms('Delivery latency, median'),
  p99Ms: ms('Delivery latency, 99 %'),
  eventLoopMs: ms('The longest delay of the event loop'),
  opened: whole('Connections opened'),
  closed: whole('Connections closed'),
  returned: whole('Of the opened, streams with a cursor'),
  errors: whole('Failures that no caller heard of'),
  refused: whole('Requests refused'),
})

/** `GET /stats` (PROTOCOL P11). */
export const statsSchemas: Readonly<Record<string, Schema>> = {
  Latency: object('Durations', {
    count: whole('How many were measured'),
    averageMs: ms('Average'),
    p50Ms: ms('Median'),
    p95Ms: ms('95 %'),
    p99Ms: ms('99 %'),
  }),
  GroupFigures: object('One session or one address', {
    name: text('Its id, or the address as limits count it'),
    'user?': text('Whose session'),
    connections: whole('Open'),
    closed: whole('Among the last that closed'),
    reconnects: whole('Of all these, those that came with a cursor'),
    sent: whole('Events sent on all these'),
    byType: typeCounts('Of these, the most frequent types first, at most 20'),
    perSecond: number('Events a second over the life of what is open'),
    errors: whole('Errors'),
    averageDurationMs: ms('Of those that closed'),
  }),
  Stats: object('All nodes together; lists are of your namespace', {
    at: unixMs('When'),
    uptimeMs: whole('Since the oldest node started'),
    nodes: list(node, 'Those that answered'),
    'missing?': list(text('A node'), 'Nodes that did not answer within a second'),
    connections: object('Connections', {
      open: whole('Right now'),
      byState: counts('By state'),
      byTransport: counts('By transport'),
      lagging: whole('Streams that have not had what they could have'),
      opened: whole('Since the start'),
      openedBy: counts('By transport'),
      closed: whole('Since the start'),
      closedBy: counts('By reason'),
      returned: whole('Streams with a cursor'),
      resumed: whole('Of those, the ones that missed nothing'),
      reconnectsPerMinute: whole('Of the last minute'),
    }),
    unique: object('Among what is open, to about 1 %', {
      users: whole('Users'),
      sessions: whole('Sessions'),
      addresses: whole('Addresses'),
    }),
    durations: object('Of the last that closed', {
      count: whole('How many'),
      averageMs: ms('Average'),
      p50Ms: ms('Median'),
      p95Ms: ms('95 %'),
      p99Ms: ms('99 %'),
      longestMs: ms('The longest'),
    }),
    events: object('Events', {
      published: whole('Publishes that were taken'),
      duplicates: whole('Publishes that were repetitions'),
      stored: whole('In the log, those of jobs too'),
      broadcasts: whole('Of those, to everybody'),
      delivered: whole('To connections'),
      storedPerSecond: number('Of the last step'),
      deliveredPerSecond: number('Of the last step'),
      leftOut: object('Left out', {
        low: whole('Of priority low, for readers that lagged'),
        conflated: whole('In favour of a newer one'),
        filter: whole('By the filter of the application'),
      }),
      gaps: whole('Gaps told'),
      byType: list(
        object('One type', {
          type: text('Which'),
          count: whole('Stored'),
          perSecond: number('Of the last ten seconds'),
        }),
        'The most frequent first',
      ),
      otherTypes: whole('Of types that found no room'),
    }),
    streamBytes: whole('Given to streams'),
    latency: object(
      'Durations since the start',
      Object.fromEntries(histogramNames.map((name) => [name, named('Latency')])),
    ),
    queue: object('Publishes that wait for the store', {
      events: whole('Events'),
      bytes: whole('Bytes, about'),
      refused: whole('Refused since the start because it was full'),
    }),
    requests: whole('Answered'),
    refused: counts('By the code of the problem'),
    limits: counts('Refusals by the name of the limit'),
    errors: whole('Failures that no caller heard of'),
    jobs: counts('What was done for jobs'),
    kept: orNull(
      object('What the store keeps of your namespace right now; null where it cannot tell, or is away', {
        events: whole('Events in the log, each once'),
        topics: whole('Topics that the store knows something of'),
        bytes: whole('As the quota counts them'),
        quotaShare: number('The same as a share of the quota'),
        leases: whole('Leases that run, of jobs somebody works on'),
        deadlines: whole('Other deadlines that are waited for'),
        labels: counts('Jobs by status'),
        ids: whole('Ids by which a repeated publish is recognised'),
        idWindowMs: whole('For how long it is, in ms'),
      }),
    ),
    sessions: list(named('GroupFigures'), 'Those with the most connections'),
    addresses: list(named('GroupFigures'), 'Those with the most connections'),
    series: object('For charts', { stepMs: whole('Between points'), points: list(point, 'The oldest first') }),
  }),
}
