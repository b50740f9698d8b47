import { connectionStates } from '../activity.js'
import type { HistogramData } from './histogram.js'
import { type NodeTotals, transports } from './node-figures.js'
import { jobStatuses } from '../../protocol/job.js'
import type { KeptByAll } from '../../store/store.js'

/** What a scrape tells of: this node, and what its store keeps (null: it cannot tell now). */
export interface Scrape extends NodeTotals {
  readonly kept: KeptByAll | null
}

/** One line of a metric: its labels, and what it stands at. */
export interface Sample {
  readonly labels?: Readonly<Record<string, string>>
  readonly value: number
}

interface Described {
  readonly name: string
  /** One sentence: what it counts, and its unit where the name does not say it. */
  readonly help: string
  /** The labels it has; their values come from closed lists, never from what people send. */
  readonly labels?: readonly string[]
}

/** A metric that Prometheus scrapes (O3). */
export type Metric =
  | (Described & { readonly type: 'counter' | 'gauge'; read(totals: Scrape): readonly Sample[] })
  | (Described & { readonly type: 'histogram'; read(totals: Scrape): HistogramData })

type Read = (totals: Scrape) => number

const one =
  (read: Read) =>
  (totals: Scrape): readonly Sample[] => [{ value: read(totals) }]
const counter = (name: string, help: string, read: Read): Metric => ({ type: 'counter', name, help, read: one(read) })
const gauge = (name: string, help: string, read: Read): Metric => ({ type: 'gauge', name, help, read: one(read) })
const labelled = (
  type: 'counter' | 'gauge',
  name: string,
  label: string,
  help: string,
  read: (totals: Scrape) => Readonly<Record<string, number>>,
): Metric => ({
  type,
  name,
  help,
  labels: [label],
  read: (totals) => Object.entries(read(totals)).map(([key, value]) => ({ labels: { [label]: key }, value })),
})
const histogram = (name: string, help: string, read: (totals: Scrape) => HistogramData): Metric => ({
  type: 'histogram',
  name,
  help,
  read,
})

/** Of the whole store: each of its nodes tells the same. No line where the store cannot tell. */
const kept = (name: string, help: string, read: (kept: KeptByAll) => number): Metric => ({
  type: 'gauge',
  name,
  help: `${help} Of the whole store, the same on each of its nodes: take the maximum, not the sum.`,
  read: ({ kept: found }) => (found ? [{ value: read(found) }] : []),
})

/** Every metric of a node. Names and labels are kept: alerts and dashboards of others stand on them. */
export const catalogue: readonly Metric[] = [
  {
    type: 'gauge',
    name: 'tidings_info',
    help: 'Always 1; tells which store the node stands on.',
    labels: ['store'],
    read: ({ node }) => [{ labels: { store: node.store.kind }, value: 1 }],
  },
  gauge('tidings_start_time_seconds', 'When the node started, in Unix time.', ({ node }) => node.startedAt / 1_000),
  gauge('tidings_draining', '1 while the node is shutting down.', ({ node }) => Number(node.draining)),
  {
    type: 'gauge',
    name: 'tidings_connections',
    help: 'Open connections by state and transport.',
    labels: ['state', 'transport'],
    read: ({ matrix }) =>
      connectionStates.flatMap((state) =>
        transports.map((transport) => ({ labels: { state, transport }, value: matrix[state][transport] })),
      ),
  },
  gauge('tidings_streams_lagging', 'Streams that have not had what they could have.', (totals) => totals.lagging),
  labelled(
    'counter',
    'tidings_connections_opened_total',
    'transport',
    'Connections opened.',
    ({ counters }) => counters.openedBy,
  ),
  labelled(
    'counter',
    'tidings_connections_closed_total',
    'reason',
    'Connections closed, by the reason of bye; gone: the other side left, or had its answer.',
    ({ counters }) => counters.closedBy,
  ),
  counter('tidings_streams_returned_total', 'Streams that came with a cursor.', ({ counters }) => counters.returned),
  counter(
    'tidings_streams_resumed_total',
    'Streams whose cursor was proved, so that they missed nothing.',
    ({ counters }) => counters.resumed,
  ),
  labelled(
    'counter',
    'tidings_gaps_total',
    'reason',
    'Gaps that readers were told of, by reason.',
    ({ counters }) => counters.gapsBy,
  ),
  counter('tidings_events_published_total', 'Publishes that were taken.', ({ counters }) => counters.published),
  counter(
    'tidings_publishes_repeated_total',
    'Publishes that had been stored before under the same id.',
    ({ counters }) => counters.duplicates,
  ),
  counter(
    'tidings_events_stored_total',
    'Events that this node put into the log, those of jobs among them.',
    ({ counters }) => counters.stored,
  ),
  counter(
    'tidings_broadcasts_total',
    'Events stored that were addressed to everybody.',
    ({ counters }) => counters.broadcasts,
  ),
  counter('tidings_events_delivered_total', 'Events given to connections.', ({ counters }) => counters.delivered),
  labelled(
    'counter',
    'tidings_events_left_out_total',
    'reason',
    'Events left out: of low priority for a reader that lagged, conflated with a newer one, or held back by the filter.',
    ({ counters }) => ({ low: counters.leftOutLow, conflated: counters.conflated, filter: counters.withheld }),
  ),
  counter(
    'tidings_stream_bytes_total',
    'Bytes given to sockets and bodies of streams.',
    ({ counters }) => counters.streamBytes,
  ),
  histogram(
    'tidings_delivery_seconds',
    'From the append of an event on this node until it was written to its live readers here; one observation a delivery.',
    ({ histograms }) => histograms.delivery,
  ),
  histogram(
    'tidings_feed_seconds',
    'From hearing of an event, of any node, until it was written to its live readers here; one observation a delivery.',
    ({ histograms }) => histograms.feed,
  ),
  histogram(
    'tidings_connect_seconds',
    'From the request of a stream until its hello, sign-in and store included.',
    ({ histograms }) => histograms.connect,
  ),
  histogram(
    'tidings_store_append_seconds',
    'How long appends to the store took.',
    ({ histograms }) => histograms.append,
  ),
  histogram('tidings_store_read_seconds', 'How long reads of the log took.', ({ histograms }) => histograms.read),
  gauge('tidings_store_available', '1 while the node reaches its store.', ({ node }) => Number(node.store.available)),
  gauge(
    'tidings_store_away_seconds',
    'For how long the store has been away.',
    ({ gauges }) => gauges.storeAwayMs / 1_000,
  ),
  counter('tidings_store_outages_total', 'How often the store went away.', ({ gauges }) => gauges.storeTimesAway),
  kept('tidings_kept_namespaces', 'Namespaces.', ({ namespaces }) => namespaces),
  kept('tidings_kept_events', 'Events in the log, each once.', ({ events }) => events),
  kept('tidings_kept_topics', 'Topics that the store knows something of.', ({ topics }) => topics),
  kept('tidings_kept_bytes', 'Bytes kept, as quotas count them.', ({ bytes }) => bytes),
  kept(
    'tidings_kept_quota_ratio',
    'Bytes kept of the fullest namespace, as a share of its quota; above 1 its publishes are refused.',
    ({ quotaShare }) => quotaShare,
  ),
  kept('tidings_kept_ids', 'Ids by which a repeated publish is recognised.', ({ ids }) => ids),
  kept(
    'tidings_id_window_seconds',
    'For how long a repeated publish is recognised, in the namespace where that is shortest: less than was set where the number of ids was reached first.',
    ({ idWindowMs }) => idWindowMs / 1_000,
  ),
  {
    type: 'gauge',
    name: 'tidings_jobs',
    help: 'Jobs by status, those that ended until they are forgotten. Of the whole store, the same on each of its nodes: take the maximum, not the sum.',
    labels: ['status'],
    read: ({ kept: found }) =>
      found ? jobStatuses.map((status) => ({ labels: { status }, value: found.labels[status] ?? 0 })) : [],
  },
  kept('tidings_leases', 'Leases that run: of jobs somebody works on.', ({ leases }) => leases),
  kept(
    'tidings_deadlines',
    'Other deadlines that are waited for: of jobs to begin, and of what is to be forgotten.',
    ({ deadlines }) => deadlines,
  ),
  gauge('tidings_publish_queue_events', 'Events that wait for the store.', ({ gauges }) => gauges.queuedEvents),
  gauge('tidings_publish_queue_bytes', 'The same in bytes.', ({ gauges }) => gauges.queuedBytes),
  counter(
    'tidings_publish_queue_refused_total',
    'Publishes refused because too many waited for the store.',
    ({ gauges }) => gauges.queueRefused,
  ),
  counter('tidings_requests_total', 'Requests, streams and polls among them.', ({ counters }) => counters.requests),
  labelled(
    'counter',
    'tidings_requests_refused_total',
    'code',
    'Requests refused, by the code of the problem; unauthorized: failed sign-ins.',
    ({ counters }) => counters.refusedBy,
  ),
  labelled(
    'counter',
    'tidings_limits_hit_total',
    'limit',
    'Refusals by the name of the limit that was reached.',
    ({ limitsRefused }) => limitsRefused,
  ),
  gauge(
    'tidings_limit_keys',
    'Addresses, sessions, users and namespaces that limits remember.',
    (totals) => totals.limitKeys,
  ),
  counter('tidings_errors_total', 'Failures that no caller heard of.', ({ counters }) => counters.errors),
  labelled(
    'counter',
    'tidings_jobs_total',
    'status',
    'Jobs that this node brought to a status.',
    ({ counters }) => counters.jobsBy,
  ),
  counter('tidings_job_commands_total', 'Job commands that counted.', ({ jobs }) => jobs['commands'] ?? 0),
  counter('tidings_job_writes_total', 'Writes to the store for jobs.', ({ jobs }) => jobs['writes'] ?? 0),
  counter(
    'tidings_job_conflicts_total',
    'Writes for jobs that another process had forestalled.',
    ({ jobs }) => jobs['conflicts'] ?? 0,
  ),
  gauge(
    'tidings_jobs_remembered',
    'Jobs that this process remembers right now.',
    ({ jobs }) => jobs['remembered'] ?? 0,
  ),
  gauge('tidings_subscriptions', 'Namespaces whose feed this node hears.', ({ node }) => node.subscriptions),
  gauge(
    'tidings_topic_subscriptions',
    'Topics that connections of this node read: a connection of two topics counts twice.',
    (totals) => totals.topicSubscriptions,
  ),
  gauge(
    'tidings_clock_timers',
    'Timers that the hub has set with the runtime: its wheel, sweeps, merges and waits. It does not grow with connections.',
    (totals) => totals.clockTimers,
  ),
  gauge(
    'tidings_timers',
    'Heartbeats, ages and time-outs of connections that wait for their time.',
    ({ node }) => node.timers,
  ),
  gauge(
    'tidings_nodes',
    'Nodes on the store that were heard within seconds, this one included.',
    (totals) => totals.nodes,
  ),
  histogram(
    'tidings_event_loop_delay_seconds',
    'The longest delay of the event loop in each second; one observation a second.',
    ({ histograms }) => histograms.eventLoop,
  ),
  labelled('gauge', 'tidings_memory_bytes', 'kind', 'Memory of the process.', ({ node: { memory } }) => ({
    resident: memory.rssBytes,
    heap_used: memory.heapUsedBytes,
    heap_total: memory.heapTotalBytes,
    external: memory.externalBytes,
  })),
]
