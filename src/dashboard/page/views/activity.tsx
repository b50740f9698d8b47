import { ScrollText } from 'lucide-react'
import { useMemo, useState } from 'react'
import { type Connection, readerOf } from '../hub/connections.js'
import { Badge, type Tone } from '../ui/badge.js'
import { FilterInput } from '../ui/field.js'
import { count, timeOfDay } from '../ui/format.js'
import { Panel } from '../ui/panel.js'
import { Segments } from '../ui/segments.js'
import { Empty, Failure, Loading } from '../ui/states.js'
import { type Column, Table } from '../ui/table.js'
import { ViewHead } from '../ui/view-head.js'
import type { Entry, Kind } from './activity/entries.js'
import { useActivity } from './activity/use-activity.js'
import { ConnectionDetails } from './connections/details.js'

const kinds = ['all', 'connected', 'closed', 'refused', 'error'] as const
const names = { all: 'All', connected: 'Connects', closed: 'Closes', refused: 'Refusals', error: 'Errors' } as const
const tones: Readonly<Record<Kind, Tone>> = { connected: 'good', closed: 'neutral', refused: 'warn', error: 'bad' }

const columns: readonly Column<Entry>[] = [
  { title: 'Time', width: '4.5rem', cell: ({ at }) => <span className="figures text-muted">{timeOfDay(at)}</span> },
  {
    title: 'What',
    width: '6.5rem',
    cell: ({ kind }) => (
      <Badge tone={tones[kind]} dot>
        {kind}
      </Badge>
    ),
  },
  {
    title: 'Who',
    width: 'minmax(4rem, 1fr)',
    cell: ({ connection }) =>
      connection ? <span className="font-medium">{readerOf(connection)}</span> : <span className="text-muted">–</span>,
  },
  {
    title: 'Address',
    width: 'minmax(4rem, 0.8fr)',
    from: 'medium',
    cell: ({ connection }) => <span className="figures text-muted">{connection?.address ?? '–'}</span>,
  },
  { title: 'Details', width: 'minmax(6rem, 3fr)', cell: ({ text }) => <span title={text}>{text}</span> },
]

const textOf = ({ text, connection }: Entry): string =>
  `${text} ${connection ? `${readerOf(connection)} ${connection.address ?? ''} ${connection.topics.join(' ')}` : ''}`.toLowerCase()

/** Who came, who went and why, what was refused and what failed. */
export default function ActivityView() {
  const { entries, error } = useActivity()
  const [kind, setKind] = useState<(typeof kinds)[number]>('all')
  const [filter, setFilter] = useState('')
  const [open, setOpen] = useState<Connection | null>(null)
  const shown = useMemo(() => {
    const words = filter.trim().toLowerCase()
    return (
      entries?.filter(
        (entry) => (kind === 'all' || entry.kind === kind) && (words === '' || textOf(entry).includes(words)),
      ) ?? null
    )
  }, [entries, kind, filter])
  return (
    <>
      <ViewHead
        title="Activity"
        about={
          shown
            ? `${count(shown.length)} entries, the newest first`
            : 'Who came, who went and why, and what was refused'
        }
      />
      <div className="mb-4 flex flex-wrap items-center gap-2">
        <Segments label="Kind" options={kinds} value={kind} words={(each) => names[each]} onChange={setKind} />
        <FilterInput
          label="Filter by name, address or words"
          value={filter}
          className="min-w-0 flex-1 basis-60 md:max-w-sm"
          onChange={({ target }) => setFilter(target.value)}
        />
      </div>
      <Panel flush>
        {shown === null ? (
          error ? (
            <Failure error={error} />
          ) : (
            <Loading />
          )
        ) : shown.length === 0 ? (
          <Empty icon={<ScrollText />} title={entries?.length ? 'Nothing is like that' : 'Nothing has happened yet'}>
            {entries?.length
              ? 'Loosen the filter to see more.'
              : 'Connects, closes, refusals and errors are listed as they come.'}
          </Empty>
        ) : (
          <Table
            label="Activity"
            columns={columns}
            rows={shown}
            keyOf={({ key }) => key}
            onOpen={({ connection }) => connection && setOpen(connection)}
          />
        )}
      </Panel>
      {open && <ConnectionDetails shown={open} onClose={() => setOpen(null)} />}
    </>
  )
}
