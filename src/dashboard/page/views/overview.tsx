import { useState } from 'react'
import { Link } from 'wouter'
import { wordsOfReason } from '../hub/connections.js'
import { useHub } from '../hub/queries.js'
import type { Point, Stats } from '../hub/stats.js'
import { Bars } from '../ui/bars.js'
import { Chart, type Line } from '../ui/chart.js'
import { compact, count, duration } from '../ui/format.js'
import { Panel } from '../ui/panel.js'
import { Segments } from '../ui/segments.js'
import { Failure, Loading } from '../ui/states.js'
import { ViewHead } from '../ui/view-head.js'
import { NodeTable } from './overview/node-table.js'
import { StateBar } from './overview/state-bar.js'

const spans = {
  '5 minutes': { step: 1, spanMs: 300_000, everyMs: 1_000 },
  '1 hour': { step: 10, spanMs: 3_600_000, everyMs: 5_000 },
} as const

/** What the hub does right now, and did a moment ago. */
export default function OverviewView() {
  const [span, setSpan] = useState<keyof typeof spans>('5 minutes')
  const { step, spanMs, everyMs } = spans[span]
  const { data, error, refetch } = useHub<Stats>('/stats', { query: { step }, everyMs })
  return (
    <>
      <ViewHead title="Overview" about={data ? <Summary stats={data} /> : 'What the hub does right now'}>
        <Segments
          label="Time shown"
          options={Object.keys(spans) as (keyof typeof spans)[]}
          value={span}
          onChange={setSpan}
        />
      </ViewHead>
      {data ? (
        <Figures stats={data} spanMs={spanMs} />
      ) : error ? (
        <Failure error={error} retry={() => void refetch()} />
      ) : (
        <Loading />
      )}
    </>
  )
}

function Summary({ stats: { nodes, missing, uptimeMs, unique } }: { stats: Stats }) {
  const people = `${count(unique.users)} ${unique.users === 1 ? 'user' : 'users'} at ${count(unique.addresses)} ${unique.addresses === 1 ? 'address' : 'addresses'}`
  const away = missing ? `, ${missing.length} not answering` : ''
  return (
    <span className="figures">
      {nodes.length === 1 ? 'One node' : `${nodes.length} nodes`}
      {away}, up for {duration(uptimeMs)} · {people}
    </span>
  )
}

const perSecond = (value: number): string => (value < 10 ? String(Math.round(value * 10) / 10) : compact(value))
/** A tenth of a millisecond is as fine as people need. */
const ms = (value: number): string =>
  value >= 1_000
    ? `${(value / 1_000).toFixed(1)} s`
    : `${value < 10 ? Math.round(value * 10) / 10 : Math.round(value)} ms`

/** What is shown as now: of rates the mean of these seconds, else the newest that is known in them. */
const nowPoints = 5

const lineOf = (
  points: readonly Point[],
  name: string,
  of: (point: Point) => number | null,
  colour: Line['colour'],
): Line => ({
  name,
  values: points.map(of),
  colour,
  now:
    points
      .slice(-nowPoints)
      .map(of)
      .findLast((value) => value !== null) ?? null,
})

const rateOf = (...given: Parameters<typeof lineOf>): Line => {
  const line = lineOf(...given)
  const newest = line.values.slice(-nowPoints)
  const sum = newest.reduce<number>((total, value) => total + (value ?? 0), 0)
  return { ...line, now: newest.length > 0 ? sum / newest.length : null }
}

function Figures({ stats, spanMs }: { stats: Stats; spanMs: number }) {
  const { connections, events, refused, series } = stats
  const { points, stepMs } = series
  const times = points.map(({ at }) => at)
  const shared = { times, spanMs }
  const closes = Object.entries(connections.closedBy).map(([reason, value]) => ({
    key: reason,
    name: wordsOfReason(reason),
    value,
  }))
  const refusals = Object.entries(refused).map(([code, value]) => ({
    key: code,
    name: <code className="font-mono text-xs">{code}</code>,
    value,
  }))
  const types = events.byType.map(({ type, count: value, perSecond: rate }) => ({
    key: type,
    name: type,
    value,
    aside: rate > 0 ? `${perSecond(rate)}/s` : '',
  }))
  return (
    <div className="grid grid-cols-1 gap-4 md:grid-cols-2 xl:grid-cols-3">
      <Panel title="Connections">
        <Chart
          title="Connections"
          {...shared}
          least={5}
          format={compact}
          lines={[lineOf(points, 'open', (point) => point.connections, 'series-1')]}
        />
      </Panel>
      <Panel title="Events a second">
        <Chart
          title="Events a second"
          {...shared}
          least={5}
          format={perSecond}
          lines={[
            rateOf(points, 'out', (point) => point.outPerSecond, 'series-1'),
            rateOf(points, 'in', (point) => point.inPerSecond, 'series-2'),
          ]}
        />
      </Panel>
      <Panel title="Delivery latency">
        <Chart
          title="Delivery latency"
          {...shared}
          least={5}
          format={ms}
          lines={[
            lineOf(points, 'p99', (point) => point.p99Ms, 'series-4'),
            lineOf(points, 'p50', (point) => point.p50Ms, 'series-3'),
          ]}
        />
      </Panel>
      <Panel title="Lagging readers">
        <Chart
          title="Lagging readers"
          {...shared}
          least={5}
          format={compact}
          lines={[lineOf(points, 'behind', (point) => point.lagging, 'series-2')]}
        />
      </Panel>
      <Panel title="Event-loop delay">
        <Chart
          title="Event-loop delay"
          {...shared}
          least={10}
          format={ms}
          lines={[lineOf(points, 'longest', (point) => point.eventLoopMs, 'series-3')]}
        />
      </Panel>
      <Panel title="Coming and going a second">
        <Chart
          title="Coming and going a second"
          {...shared}
          least={3}
          format={perSecond}
          lines={[
            rateOf(points, 'opened', (point) => (point.opened * 1_000) / stepMs, 'series-1'),
            rateOf(points, 'closed', (point) => (point.closed * 1_000) / stepMs, 'series-2'),
          ]}
        />
      </Panel>
      <Panel
        title="Connections by state"
        className="md:col-span-2 xl:col-span-1"
        aside={<ShowAll href="/connections" />}
      >
        <StateBar byState={connections.byState} />
      </Panel>
      <Panel
        title="Events by type"
        aside={
          <span className="figures text-xs text-muted">
            {compact(events.stored)} stored, {compact(events.delivered)} delivered
          </span>
        }
      >
        {types.length > 0 ? (
          <Bars bars={types} most={6} />
        ) : (
          <p className="py-6 text-center text-[0.8125rem] text-muted">No event has been published yet.</p>
        )}
      </Panel>
      <Panel
        title="Why connections closed"
        aside={
          <span className="figures text-xs text-muted">
            {count(connections.closed)} closed, {count(connections.returned)} came back
          </span>
        }
      >
        {closes.some(({ value }) => value > 0) ? (
          <Bars bars={closes} most={6} />
        ) : (
          <p className="py-6 text-center text-[0.8125rem] text-muted">None has closed yet.</p>
        )}
      </Panel>
      <Panel title="Nodes" flush className="md:col-span-2">
        <NodeTable nodes={stats.nodes} missing={stats.missing ?? []} />
      </Panel>
      <Panel title="Requests refused" aside={<ShowAll href="/activity?kind=refused" />}>
        {refusals.length > 0 ? (
          <Bars bars={refusals} most={6} />
        ) : (
          <p className="py-6 text-center text-[0.8125rem] text-muted">None was refused.</p>
        )}
      </Panel>
    </div>
  )
}

const ShowAll = ({ href }: { href: string }) => (
  <Link href={href} className="text-xs font-medium text-accent hover:underline">
    Show all
  </Link>
)
