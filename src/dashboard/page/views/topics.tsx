import { Hash, SearchX } from 'lucide-react'
import { type FormEvent, useEffect, useMemo, useState } from 'react'
import { Button } from '../ui/button.js'
import { FilterInput } from '../ui/field.js'
import { bytes, count } from '../ui/format.js'
import { Panel } from '../ui/panel.js'
import { useSorted, useSorting } from '../ui/sort.js'
import { Empty, Failure, Loading } from '../ui/states.js'
import { type Column, Table } from '../ui/table.js'
import { TextLink } from '../ui/text-link.js'
import { ToolbarForm } from '../ui/toolbar.js'
import { ViewHead } from '../ui/view-head.js'
import { TopicDetails } from './topics/topic-details.js'
import { type Topic, numberOf, useTopicList } from './topics/topic-list.js'

/** Of somebody who is still writing. */
const pauseMs = 300
const none: readonly Topic[] = []

/** The topics that keep events, and any other by its name. */
export default function TopicsView() {
  const [text, setText] = useState('')
  const [contains, setContains] = useState('')
  const [opened, setOpened] = useState<string | null>(null)
  const wanted = text.trim()
  useEffect(() => {
    const timer = setTimeout(() => setContains(wanted), pauseMs)
    return () => clearTimeout(timer)
  }, [wanted])
  const sorting = useSorting(columns)
  const list = useTopicList(contains, sorting.sort !== null)
  // A store that is walked while it grows may tell of a topic twice.
  const distinct = useMemo(() => [...new Map((list.rows ?? none).map((row) => [row.topic, row])).values()], [list.rows])
  const rows = useSorted(distinct, sorting)
  const lookUp = (event: FormEvent): void => {
    event.preventDefault()
    if (wanted !== '') setOpened(wanted)
  }
  return (
    <>
      <ViewHead
        title="Topics"
        about={
          list.rows === null
            ? 'What the log keeps, and who reads it'
            : `${count(distinct.length)}${list.hasMore ? ' and more topics keep' : distinct.length === 1 ? ' topic keeps' : ' topics keep'} events. One that only has readers is found by its whole name.`
        }
      />
      {list.missing.length > 0 && (
        <p className="mb-3 text-xs text-warn">
          Did not answer within a second: {list.missing.join(', ')}. Their readers are not counted.
        </p>
      )}
      <Panel flush>
        <ToolbarForm onSubmit={lookUp}>
          <FilterInput
            className="min-w-0 flex-1 basis-56"
            label="Name of a topic, or a part"
            value={text}
            maxLength={256}
            onChange={({ target }) => setText(target.value)}
          />
          <Button type="submit" disabled={wanted === ''}>
            Look up
          </Button>
        </ToolbarForm>
        {list.rows === null ? (
          list.error ? (
            <Failure error={list.error} retry={list.retry} />
          ) : (
            <Loading />
          )
        ) : rows.length > 0 ? (
          <Table
            label="Topics"
            columns={columns}
            rows={rows}
            keyOf={keyOf}
            sort={sorting.sort}
            onSort={sorting.onSort}
            onOpen={({ topic }) => setOpened(topic)}
            onEnd={list.more}
          />
        ) : list.hasMore ? (
          <Loading what="Looking through the topics" />
        ) : contains !== '' ? (
          <Empty icon={<SearchX />} title="No topic that keeps events is called that">
            Capitals count. “Look up” asks the hub for {wanted} itself: what is kept of it, and who reads it.
          </Empty>
        ) : (
          <Empty icon={<Hash />} title="No topic keeps events">
            One is listed here as soon as an event is <TextLink href="/publish">published</TextLink> to it. A topic that
            only has readers so far is found by its whole name; <TextLink href="/connections">Connections</TextLink> has
            who reads what.
          </Empty>
        )}
      </Panel>
      {opened !== null && <TopicDetails topic={opened} onClose={() => setOpened(null)} />}
    </>
  )
}

const keyOf = ({ topic }: Topic): string => topic

const columns: readonly Column<Topic>[] = [
  {
    title: 'Topic',
    width: 'minmax(8rem, 1fr)',
    sort: ({ topic }) => topic,
    cell: ({ topic }) => (
      <span className="font-mono text-xs" title={topic}>
        {topic}
      </span>
    ),
  },
  {
    title: 'Readers',
    width: '5rem',
    figures: true,
    sort: ({ readers }) => readers,
    cell: ({ readers }) => (readers === 0 ? <span className="text-muted">0</span> : count(readers)),
  },
  {
    title: 'Events',
    width: '5rem',
    figures: true,
    sort: ({ count: kept }) => kept,
    cell: ({ count: kept }) => count(kept),
  },
  {
    title: 'Size',
    width: '5rem',
    from: 'medium',
    figures: true,
    sort: ({ bytes: size }) => size,
    cell: ({ bytes: size }) => bytes(size),
  },
  {
    title: 'Oldest',
    width: '7rem',
    from: 'wide',
    figures: true,
    sort: ({ first }) => numberOf(first),
    cell: ({ first }) => <span title={first}>{count(numberOf(first))}</span>,
  },
  {
    title: 'Newest',
    width: '7rem',
    from: 'medium',
    figures: true,
    sort: ({ last }) => numberOf(last),
    cell: ({ last }) => <span title={last}>{count(numberOf(last))}</span>,
  },
]
