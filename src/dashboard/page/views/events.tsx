import { ArrowUp, Pause, Play, Radio, SearchX, Trash2 } from 'lucide-react'
import { useMemo, useState } from 'react'
import { type HubEvent, priorities, topicsOf } from '../hub/event.js'
import type { LoggedEvent } from '../hub/event-log.js'
import { clearRecentEvents, useRecentEvents, useTapStatus } from '../hub/recent-events.js'
import { Badge } from '../ui/badge.js'
import { Button } from '../ui/button.js'
import { FilterInput, Select } from '../ui/field.js'
import { bytes, compact, count, millisecondsOf, timeOfDay } from '../ui/format.js'
import { Panel } from '../ui/panel.js'
import { Empty } from '../ui/states.js'
import { type Column, Table } from '../ui/table.js'
import { TextLink } from '../ui/text-link.js'
import { Toolbar } from '../ui/toolbar.js'
import { ViewHead } from '../ui/view-head.js'
import { EventDetails } from './events/event-details.js'
import { parseFilter, toggled } from './events/filter.js'
import { PriorityBadge } from './events/priority-badge.js'

/** Every event of the namespace as it passes, held still when one wants to look. */
export default function EventsView() {
  const [text, setText] = useState('')
  const [priority, setPriority] = useState('')
  const [paused, setPaused] = useState(false)
  const [atTop, setAtTop] = useState(true)
  const [opened, setOpened] = useState<LoggedEvent | null>(null)
  // Rows must not run away from under a finger, nor the list from somebody who reads further down.
  const held = paused || !atTop || opened !== null
  const { entries, total, dropped, since } = useRecentEvents(held)
  const rows = useMemo(() => {
    const matches = parseFilter(`${text} ${priority && `priority:${priority}`}`)
    return entries.filter(matches).reverse()
  }, [entries, text, priority])
  const isFiltered = text.trim() !== '' || priority !== ''
  return (
    <>
      <ViewHead title="Events" about="Everything that is published in this namespace, newest first.">
        <Button onClick={() => setPaused(!paused)} aria-pressed={paused}>
          {paused ? <Play aria-hidden /> : <Pause aria-hidden />} {paused ? 'Resume' : 'Pause'}
        </Button>
        <Button kind="quiet" onClick={clearRecentEvents} disabled={total === 0}>
          <Trash2 aria-hidden /> Clear view
        </Button>
      </ViewHead>
      <Panel flush>
        <Toolbar>
          <FilterInput
            className="min-w-0 flex-1 basis-72"
            label="Filter: type:report.* user:7"
            value={text}
            onChange={({ target }) => setText(target.value)}
          />
          <div className="w-36">
            <Select aria-label="Priority" value={priority} onChange={({ target }) => setPriority(target.value)}>
              <option value="">Any priority</option>
              {priorities.map((each) => (
                <option key={each} value={each}>
                  {each}
                </option>
              ))}
            </Select>
          </div>
        </Toolbar>
        <div className="flex min-h-9 flex-wrap items-center justify-between gap-x-4 gap-y-1 border-b border-line px-4 py-1.5 text-xs text-muted">
          <span className="figures" data-testid="counts">
            {isFiltered && `${count(rows.length)} of `}
            {count(entries.length)} {entries.length === 1 ? 'event' : 'events'}
            {dropped > 0 && ` · ${count(dropped)} older ones dropped from this view`}
          </span>
          <Liveness
            held={held}
            since={since}
            atTop={atTop}
            onTop={() => document.querySelector(rowsOfTable)?.scrollTo({ top: 0 })}
          />
        </div>
        {rows.length > 0 ? (
          <Table
            label="Events"
            columns={columns}
            rows={rows}
            keyOf={keyOf}
            onOpen={setOpened}
            onScrolled={setAtTop}
            height="calc(100dvh - 17rem)"
          />
        ) : isFiltered && entries.length > 0 ? (
          <Empty icon={<SearchX />} title="Nothing matches the filter">
            Fields are topic, type, priority, user, source and id, such as topic:job:* or user:7; a minus before one
            turns it around, a * at the end stands for anything, other words are found anywhere.
          </Empty>
        ) : (
          <Empty icon={<Radio />} title="No event yet">
            What is published from now on shows here at once. <TextLink href="/publish">Publish a first one</TextLink>.
          </Empty>
        )}
      </Panel>
      {opened && (
        <EventDetails
          logged={opened}
          onClose={() => setOpened(null)}
          onFilter={(part) => {
            setText(toggled(text, part))
            setOpened(null)
          }}
        />
      )}
    </>
  )
}

const rowsOfTable = '[role=table][aria-label=Events] > [role=rowgroup]:last-child'

function Liveness({ held, since, atTop, onTop }: { held: boolean; since: number; atTop: boolean; onTop: () => void }) {
  const { state, why, gaps } = useTapStatus()
  return (
    <span className="flex flex-wrap items-center gap-2">
      {gaps > 0 && (
        <span title="The hub said that history was missing: the node no longer held it, or it was erased.">
          {count(gaps)} {gaps === 1 ? 'gap' : 'gaps'}
        </span>
      )}
      {held && !atTop && (
        <Button className="h-6 px-2 text-xs" onClick={onTop}>
          <ArrowUp aria-hidden /> {since > 0 ? `${compact(since)} new` : 'Newest'}
        </Button>
      )}
      {state !== 'live' ? (
        <Badge tone={state === 'connecting' ? 'neutral' : 'warn'} dot>
          {state === 'connecting' ? 'Connecting' : (why ?? 'Not connected')}
        </Badge>
      ) : held ? (
        <Badge tone="warn" dot>
          Held · {count(since)} new
        </Badge>
      ) : (
        <Badge tone="good" dot>
          Live
        </Badge>
      )}
    </span>
  )
}

const keyOf = ({ number }: LoggedEvent): string => String(number)

const columns: readonly Column<LoggedEvent>[] = [
  {
    title: 'Time',
    width: 'minmax(3.75rem, 6.25rem)',
    cell: ({ event: { timestamp } }) => (
      <span className="figures text-muted">
        {timeOfDay(timestamp)}
        <span className="max-md:hidden">.{millisecondsOf(timestamp)}</span>
      </span>
    ),
  },
  { title: 'Type', width: 'minmax(7rem, 1fr)', cell: ({ event }) => <span className="font-medium">{event.type}</span> },
  {
    title: 'Topic',
    width: 'minmax(6rem, 1fr)',
    cell: ({ event }) => <Topics event={event} />,
  },
  {
    title: 'Priority',
    width: '5.5rem',
    from: 'medium',
    cell: ({ event }) => <PriorityBadge priority={event.priority} />,
  },
  {
    title: 'Data',
    width: 'minmax(8rem, 2.4fr)',
    from: 'medium',
    cell: ({ event }) => <span className="font-mono text-xs text-muted">{previewOf(event.data)}</span>,
  },
  { title: 'Size', width: '4.5rem', from: 'wide', figures: true, cell: ({ text }) => bytes(text.length) },
]

function Topics({ event }: { event: HubEvent }) {
  const [first, ...more] = topicsOf(event)
  return (
    <span className="font-mono text-xs" title={[first, ...more].join('\n')}>
      {first}
      {more.length > 0 && <span className="text-muted"> +{more.length}</span>}
    </span>
  )
}

/** Enough for the widest screen; the rest would only be cut off. */
const previewOf = (data: unknown): string => (JSON.stringify(data) ?? '').slice(0, 240)
