import { Antenna, Cable, Unplug, X } from 'lucide-react'
import { useCallback, useEffect, useState } from 'react'
import { useSearchParams } from 'wouter'
import { disconnectAll, pingAll } from '../hub/closing.js'
import { useConnectionList } from '../hub/connection-list.js'
import type { Connection } from '../hub/connections.js'
import type { Rows } from '../hub/pages.js'
import { Button } from '../ui/button.js'
import { FilterInput, Select } from '../ui/field.js'
import { count } from '../ui/format.js'
import { Panel } from '../ui/panel.js'
import { Segments } from '../ui/segments.js'
import { useSorted, useSorting } from '../ui/sort.js'
import { Empty, Failure, Loading } from '../ui/states.js'
import { Table } from '../ui/table.js'
import { Toolbar } from '../ui/toolbar.js'
import { ViewHead } from '../ui/view-head.js'
import { closedColumns, openColumns } from './connections/columns.js'
import { ConnectionDetails } from './connections/details.js'

const states = ['all', 'connected', 'idle', 'stale', 'closed'] as const
const names = { all: 'All', connected: 'Connected', idle: 'Idle', stale: 'Stale', closed: 'Recently closed' } as const
const exactNames = ['id', 'user', 'topic', 'session', 'node'] as const
const none: readonly Connection[] = []
/** Of somebody who is still writing. */
const pauseMs = 300

/** Who is connected, on every node, and who was. The address holds the filter, so that a list can be linked to. */
export default function ConnectionsView() {
  const [query, setQuery] = useSearchParams()
  const [open, setOpen] = useState<Connection | null>(null)
  const state = states.find((each) => each === query.get('state')) ?? 'all'
  const transport = query.get('transport') ?? ''
  const contains = query.get('contains') ?? ''
  const exact = exactNames.flatMap((by) => (query.get(by) ? [[by, query.get(by) as string] as const] : []))
  const filter = {
    ...Object.fromEntries(exact),
    ...(state !== 'all' && { state }),
    ...(transport && { transport }),
    ...(contains && { contains }),
  }
  const columns = state === 'closed' ? closedColumns : openColumns
  const sorting = useSorting(columns)
  const list = useConnectionList(filter, sorting.sort !== null)
  const connections = useSorted(list.rows ?? none, sorting)
  const change = useCallback(
    (name: string, value: string): void =>
      setQuery(
        (before) => {
          const next = new URLSearchParams(before)
          if (value === '') next.delete(name)
          else next.set(name, value)
          return next
        },
        { replace: true },
      ),
    [setQuery],
  )
  const find = useCallback((text: string) => change('contains', text), [change])
  const isFiltered = Object.keys(filter).length > 0
  return (
    <>
      <ViewHead title="Connections" about={aboutOf(list, state === 'closed')}>
        <Button onClick={() => void pingAll()}>
          <Antenna aria-hidden /> Ping all
        </Button>
        <Button onClick={() => void disconnectAll({ state: 'stale', reason: 'stale' })}>
          <Unplug aria-hidden /> Disconnect stale
        </Button>
      </ViewHead>
      {list.missing.length > 0 && (
        <p className="mb-3 text-xs text-warn">
          Did not answer within a second: {list.missing.join(', ')}. Their connections are not shown.
        </p>
      )}
      <Panel flush>
        <Toolbar>
          <Segments
            label="State"
            options={states}
            value={state}
            words={(each) => names[each]}
            onChange={(next) => change('state', next === 'all' ? '' : next)}
          />
          <Finder value={contains} exact={exact} onFind={find} onDrop={(by) => change(by, '')} />
          <Select
            aria-label="Transport"
            value={transport}
            className="w-40"
            onChange={({ target }) => change('transport', target.value)}
          >
            <option value="">Any transport</option>
            <option value="sse">Stream (SSE)</option>
            <option value="poll">Poll</option>
            <option value="process">This process</option>
          </Select>
        </Toolbar>
        {list.rows === null ? (
          list.error ? (
            <Failure error={list.error} retry={list.retry} />
          ) : (
            <Loading />
          )
        ) : connections.length === 0 ? (
          <Empty icon={<Cable />} title={isFiltered ? 'No connection is like that' : 'Nobody is connected'}>
            {isFiltered
              ? 'Loosen the filter to see more.'
              : 'As soon as a reader opens a stream or polls, it is listed here.'}
          </Empty>
        ) : (
          <Table
            label={state === 'closed' ? 'Closed connections' : 'Connections'}
            columns={columns}
            sort={sorting.sort}
            onSort={sorting.onSort}
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

function aboutOf({ rows, hasMore }: Rows<Connection>, isClosed: boolean): string {
  if (rows === null) return 'Who is connected, on every node'
  const number = `${count(rows.length)}${hasMore ? ' and more' : ''}`
  return isClosed
    ? `${number} closed lately, the last first`
    : `${number} ${hasMore ? 'are open' : 'open'}, on every node`
}

/** Finds by a part of any name; the hub looks, and not the page. Names that a link gave as a whole can be taken away. */
function Finder({
  value,
  exact,
  onFind,
  onDrop,
}: {
  value: string
  exact: readonly (readonly [by: string, name: string])[]
  onFind: (text: string) => void
  onDrop: (by: string) => void
}) {
  const [text, setText] = useState(value)
  useEffect(() => {
    if (text.trim() === value) return
    const timer = setTimeout(() => onFind(text.trim()), pauseMs)
    return () => clearTimeout(timer)
  }, [text, value, onFind])
  return (
    <>
      <FilterInput
        label="Filter by reader, address, topic, id"
        value={text}
        maxLength={256}
        className="min-w-0 flex-1 basis-60 md:max-w-sm"
        onChange={({ target }) => setText(target.value)}
      />
      {exact.map(([by, name]) => (
        <Button key={by} title={`No longer only ${by} ${name}`} className="max-w-full" onClick={() => onDrop(by)}>
          <span className="min-w-0 truncate">
            <span className="text-muted">{by}</span> {name}
          </span>
          <X aria-label="Take away" />
        </Button>
      ))}
    </>
  )
}
