import { ScrollText } from 'lucide-react'
import { useMemo, useState } from 'react'
import { useSearchParams } from 'wouter'
import { useHub } from '../hub/queries.js'
import { Badge, type Tone } from '../ui/badge.js'
import { classNames } from '../ui/class-names.js'
import { FilterInput } from '../ui/field.js'
import { count, timeOfDay } from '../ui/format.js'
import { Panel } from '../ui/panel.js'
import { Segments } from '../ui/segments.js'
import { Empty, Failure, Loading } from '../ui/states.js'
import { type Column, Table } from '../ui/table.js'
import { Toolbar } from '../ui/toolbar.js'
import { ViewHead } from '../ui/view-head.js'
import { type Activity, type Entry, type Kind, keyOf, kinds, whoOf, wordsOf } from './activity/entries.js'
import { EntryDetails } from './activity/entry-details.js'

const choices = ['all', ...kinds] as const
const names = { all: 'All', connected: 'Connects', closed: 'Closes', refused: 'Refusals', error: 'Errors' } as const
const tones: Readonly<Record<Kind, Tone>> = { connected: 'good', closed: 'neutral', refused: 'warn', error: 'bad' }
/** On a phone there is room for no more of it. */
const dots: Readonly<Record<Kind, string>> = {
  connected: 'bg-good',
  closed: 'bg-muted',
  refused: 'bg-warn',
  error: 'bg-bad',
}

const columns: readonly Column<Entry>[] = [
  { title: 'Time', width: '4.5rem', cell: ({ at }) => <span className="figures text-muted">{timeOfDay(at)}</span> },
  {
    title: 'What',
    width: '6.5rem',
    from: 'medium',
    cell: ({ kind }) => (
      <Badge tone={tones[kind]} dot>
        {kind}
      </Badge>
    ),
  },
  {
    title: 'Who',
    width: 'minmax(4rem, 1fr)',
    from: 'medium',
    cell: (entry) =>
      whoOf(entry) === null ? (
        <span className="text-muted">–</span>
      ) : (
        <span className="font-medium">{whoOf(entry)}</span>
      ),
  },
  {
    title: 'Address',
    width: 'minmax(4rem, 0.8fr)',
    from: 'medium',
    cell: ({ address }) => <span className="figures text-muted">{address ?? '–'}</span>,
  },
  {
    title: 'Details',
    width: 'minmax(6rem, 3fr)',
    cell: (entry) => (
      <span title={wordsOf(entry)}>
        <span className="md:hidden">
          <span aria-hidden className={classNames('mr-2 inline-block size-2 rounded-full', dots[entry.kind])} />
          <span className="sr-only">{entry.kind} </span>
          {whoOf(entry) !== null && <span className="font-medium">{whoOf(entry)} · </span>}
        </span>
        {wordsOf(entry)}
      </span>
    ),
  },
]

const everyMs = 2_000
const mostShown = 500

const textOf = (entry: Entry): string =>
  [wordsOf(entry), whoOf(entry), entry.address, entry.name, ...(entry.topics ?? [])].join(' ').toLowerCase()

const aboutOf = (shown: number, isCut: boolean): string =>
  `${count(shown)} ${shown === 1 ? 'entry' : 'entries'}${isCut ? ` of the last ${count(mostShown)}` : ''}`

/** Who came, who went and why, what was refused and what failed. */
export default function ActivityView() {
  const [address, setAddress] = useSearchParams()
  const kind = choices.find((each) => each === address.get('kind')) ?? 'all'
  const setKind = (next: typeof kind): void => setAddress(next === 'all' ? {} : { kind: next }, { replace: true })
  const { data, error, refetch } = useHub<Activity>('/activity', {
    query: { limit: mostShown, ...(kind !== 'all' && { kind }) },
    everyMs,
  })
  const [filter, setFilter] = useState('')
  const [open, setOpen] = useState<Entry | null>(null)
  const entries = data?.entries
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
            ? `${aboutOf(shown.length, entries?.length === mostShown)}, the newest first`
            : 'Who came, who went and why, and what was refused'
        }
      />
      {data?.missing && (
        <p className="mb-3 text-xs text-warn">
          Did not answer within a second: {data.missing.join(', ')}. What happened there is not shown.
        </p>
      )}
      <Panel flush>
        <Toolbar>
          <Segments label="Kind" options={choices} value={kind} words={(each) => names[each]} onChange={setKind} />
          <FilterInput
            label="Filter by name, address or words"
            value={filter}
            className="min-w-0 flex-1 basis-60 md:max-w-sm"
            onChange={({ target }) => setFilter(target.value)}
          />
        </Toolbar>
        {shown === null || (error && shown.length === 0) ? (
          error ? (
            <Failure error={error} retry={() => void refetch()} />
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
          <Table label="Activity" columns={columns} rows={shown} keyOf={keyOf} onOpen={setOpen} />
        )}
      </Panel>
      {open && <EntryDetails entry={open} onClose={() => setOpen(null)} />}
    </>
  )
}
