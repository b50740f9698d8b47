import { Hash, SearchX } from 'lucide-react'
import { type FormEvent, useMemo, useState } from 'react'
import { Button } from '../ui/button.js'
import { FilterInput } from '../ui/field.js'
import { ago, count } from '../ui/format.js'
import { Panel } from '../ui/panel.js'
import { Empty } from '../ui/states.js'
import { type Column, Table } from '../ui/table.js'
import { ViewHead } from '../ui/view-head.js'
import { type KnownTopic, useKnownTopics } from './topics/known-topics.js'
import { TopicDetails } from './topics/topic-details.js'

/** The topics that are in use, and any other by its name. */
export default function TopicsView() {
  const [text, setText] = useState('')
  const [opened, setOpened] = useState<string | null>(null)
  const known = useKnownTopics()
  const wanted = text.trim()
  const rows = useMemo(() => {
    const lower = wanted.toLowerCase()
    return known.filter(({ topic }) => topic.toLowerCase().includes(lower))
  }, [known, wanted])
  const lookUp = (event: FormEvent): void => {
    event.preventDefault()
    if (wanted !== '') setOpened(wanted)
  }
  return (
    <>
      <ViewHead
        title="Topics"
        about="What open connections read and recent events went to. Any other topic is found by its name."
      />
      <Panel flush>
        <form onSubmit={lookUp} className="flex flex-wrap items-center gap-2 border-b border-line p-3">
          <FilterInput
            className="min-w-0 flex-1 basis-56"
            label="Filter, or the name of any topic"
            value={text}
            onChange={({ target }) => setText(target.value)}
          />
          <Button type="submit" disabled={wanted === ''}>
            Look up
          </Button>
        </form>
        {rows.length > 0 ? (
          <Table label="Topics" columns={columns} rows={rows} keyOf={keyOf} onOpen={({ topic }) => setOpened(topic)} />
        ) : wanted !== '' ? (
          <Empty icon={<SearchX />} title="None of those in use">
            “Look up” asks the hub for {wanted} itself: what is kept of it, and who reads it.
          </Empty>
        ) : (
          <Empty icon={<Hash />} title="No topic in use">
            A topic shows here when somebody reads it, or an event is published to it.
          </Empty>
        )}
      </Panel>
      {opened !== null && <TopicDetails topic={opened} onClose={() => setOpened(null)} />}
    </>
  )
}

const keyOf = ({ topic }: KnownTopic): string => topic

const columns: readonly Column<KnownTopic>[] = [
  {
    title: 'Topic',
    width: 'minmax(8rem, 1fr)',
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
    cell: ({ readers }) => (readers === 0 ? <span className="text-muted">0</span> : count(readers)),
  },
  { title: 'Recent events', width: '7rem', figures: true, cell: ({ recent }) => count(recent) },
  {
    title: 'Last event',
    width: '8rem',
    from: 'medium',
    figures: true,
    cell: ({ lastAt }) => (lastAt === null ? '–' : ago(lastAt)),
  },
]
