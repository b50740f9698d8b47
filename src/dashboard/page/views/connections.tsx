import { Antenna, Cable, Unplug } from 'lucide-react'
import { useEffect, useState } from 'react'
import { useSearchParams } from 'wouter'
import { disconnectAll, pingAll } from '../hub/closing.js'
import { useConnectionList } from '../hub/connection-list.js'
import type { Connection } from '../hub/connections.js'
import { Button } from '../ui/button.js'
import { FilterInput, Select } from '../ui/field.js'
import { count } from '../ui/format.js'
import { Panel } from '../ui/panel.js'
import { Segments } from '../ui/segments.js'
import { Empty, Failure, Loading } from '../ui/states.js'
import { Table } from '../ui/table.js'
import { ViewHead } from '../ui/view-head.js'
import { closedColumns, openColumns } from './connections/columns.js'
import { ConnectionDetails } from './connections/details.js'

const states = ['all', 'connected', 'idle', 'stale', 'closed'] as const
const names = { all: 'All', connected: 'Connected', idle: 'Idle', stale: 'Stale', closed: 'Recently closed' } as const
const whoms = ['user', 'topic', 'session', 'node'] as const
/** Of somebody who is still writing. */
const pauseMs = 300

/** Who is connected, on every node, and who was. The address holds the filter, so that a list can be linked to. */
export default function ConnectionsView() {
  const [query, setQuery] = useSearchParams()
  const [open, setOpen] = useState<Connection | null>(null)
  const state = states.find((each) => each === query.get('state')) ?? 'all'
  const whom = whoms.find((each) => query.has(each)) ?? 'user'
  const transport = query.get('transport') ?? ''
  const filter = {
    ...(state !== 'all' && { state }),
    ...(query.get(whom) && { [whom]: query.get(whom) }),
    ...(transport && { transport }),
  }
  const list = useConnectionList(filter)
  const { connections } = list
  const change = (others: readonly string[], name: string, value: string): void =>
    setQuery(
      (before) => {
        const next = new URLSearchParams(before)
        for (const other of others) next.delete(other)
        if (value !== '') next.set(name, value)
        return next
      },
      { replace: true },
    )
  const isFiltered = Object.keys(filter).length > 0
  return (
    <>
      <ViewHead title="Connections" about={aboutOf(connections, list.hasMore, state === 'closed')}>
        <Button onClick={() => void pingAll()}>
          <Antenna aria-hidden /> Ping all
        </Button>
        <Button onClick={() => void disconnectAll({ state: 'stale', reason: 'stale' })}>
          <Unplug aria-hidden /> Disconnect stale
        </Button>
      </ViewHead>
      <div className="mb-4 flex flex-wrap items-center gap-2">
        <Segments
          label="State"
          options={states}
          value={state}
          words={(each) => names[each]}
          onChange={(next) => change(['state'], 'state', next === 'all' ? '' : next)}
        />
        <Finder whom={whom} value={query.get(whom) ?? ''} onFind={(by, text) => change(whoms, by, text)} />
        <Select
          aria-label="Transport"
          value={transport}
          className="w-40"
          onChange={({ target }) => change(['transport'], 'transport', target.value)}
        >
          <option value="">Any transport</option>
          <option value="sse">Stream (SSE)</option>
          <option value="poll">Poll</option>
          <option value="process">This process</option>
        </Select>
      </div>
      {list.missing.length > 0 && (
        <p className="mb-3 text-xs text-warn">
          Did not answer within a second: {list.missing.join(', ')}. Their connections are not shown.
        </p>
      )}
      <Panel flush>
        {connections === null ? (
          list.error ? (
            <Failure error={list.error} retry={list.retry} />
          ) : (
            <Loading />
          )
        ) : connections.length === 0 ? (
          <Empty icon={<Cable />} title={isFiltered ? 'No connection is like that' : 'Nobody is connected'}>
            {isFiltered
              ? 'Names are compared as a whole. Loosen the filter to see more.'
              : 'As soon as a reader opens a stream or polls, it is listed here.'}
          </Empty>
        ) : (
          <Table
            label={state === 'closed' ? 'Closed connections' : 'Connections'}
            columns={state === 'closed' ? closedColumns : openColumns}
            rows={connections}
            keyOf={keyOf}
            onOpen={setOpen}
            onEnd={list.more}
          />
        )}
      </Panel>
      {open && <ConnectionDetails shown={open} onClose={() => setOpen(null)} />}
    </>
  )
}

const keyOf = ({ id }: Connection): string => id

function aboutOf(connections: readonly Connection[] | null, hasMore: boolean, isClosed: boolean): string {
  if (connections === null) return 'Who is connected, on every node'
  const number = `${count(connections.length)}${hasMore ? ' and more' : ''}`
  return isClosed
    ? `${number} of the last that closed, the latest first`
    : `${number} ${hasMore ? 'are open' : 'open'}, on every node`
}

/** Finds by user, topic, session or node: exactly, because the hub looks, and not the page. */
function Finder({
  whom,
  value,
  onFind,
}: {
  whom: (typeof whoms)[number]
  value: string
  onFind: (by: string, text: string) => void
}) {
  const [by, setBy] = useState(whom)
  const [text, setText] = useState(value)
  useEffect(() => {
    if (text.trim() === value) return
    const timer = setTimeout(() => onFind(by, text.trim()), pauseMs)
    return () => clearTimeout(timer)
  }, [text, value, by, onFind])
  return (
    <div className="flex min-w-0 flex-1 basis-72 gap-2 md:max-w-sm">
      <Select
        aria-label="Find by"
        value={by}
        className="w-24 shrink-0"
        onChange={({ target }) => {
          setBy(target.value as typeof by)
          onFind(target.value, text.trim())
        }}
      >
        {whoms.map((each) => (
          <option key={each} value={each}>
            {each}
          </option>
        ))}
      </Select>
      <FilterInput
        label={`Filter by ${by}`}
        value={text}
        className="min-w-0 flex-1"
        onChange={({ target }) => setText(target.value)}
      />
    </div>
  )
}
