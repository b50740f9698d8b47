import { useEffect } from 'react'
import { type HubEvent, topicsOf } from '../../hub/event.js'
import { eventTap } from '../../hub/event-tap.js'
import { type JobLogLine, jobOf } from '../../hub/job.js'
import { useHub } from '../../hub/queries.js'
import { classNames } from '../../ui/class-names.js'
import { millisecondsOf, timeOfDay } from '../../ui/format.js'
import { Failure, Loading } from '../../ui/states.js'
import { doneText } from './progress.js'

interface Poll {
  readonly events: readonly HubEvent[]
  readonly upToDate: boolean
  readonly gaps?: readonly unknown[]
}

/** What a page shows: of a long history the first thousand. */
const limit = 1_000
/** A busy job publishes ten times a second; its history is read again this often. */
const readEveryMs = 500

/** The events of one job, oldest first: that is its history. Read again while more come. */
export function JobHistory({ id }: { id: string }) {
  const topic = `job:${id}`
  const history = useHub<Poll>('/events', { query: { topic, since: 'start', limit } })
  const { refetch } = history
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const stop = eventTap().listen(({ event }) => {
      if (!topicsOf(event).includes(topic)) return
      timer ??= setTimeout(() => {
        timer = undefined
        void refetch()
      }, readEveryMs)
    })
    return () => {
      stop()
      clearTimeout(timer)
    }
  }, [topic, refetch])
  if (history.error) return <Failure error={history.error} retry={() => void refetch()} />
  if (!history.data) return <Loading />
  const { events, upToDate } = history.data
  return (
    <ol aria-label="History" className="flex flex-col">
      {events
        .flatMap((event) => entriesOf(event))
        .map((entry) => (
          <li key={entry.key} className="grid grid-cols-[5.75rem_1fr] gap-3 border-l-2 border-line py-1 pl-3 text-xs">
            <span className="figures text-muted">
              {timeOfDay(entry.at)}.{millisecondsOf(entry.at)}
            </span>
            <span className="min-w-0 wrap-anywhere">
              <span className={classNames('font-medium', entry.tone)}>{entry.title}</span>
              {entry.text && <span className="text-muted"> · {entry.text}</span>}
            </span>
          </li>
        ))}
      {!upToDate && <li className="py-1 pl-3 text-xs text-muted">There is more than this page shows.</li>}
      {events.length === 0 && <li className="text-xs text-muted">Nothing of it is kept any more.</li>}
    </ol>
  )
}

interface Entry {
  readonly key: string
  readonly at: number
  readonly title: string
  readonly text: string
  readonly tone: string
}

const tones: Readonly<Record<string, string>> = {
  'job.completed': 'text-good',
  'job.failed': 'text-bad',
  'job.cancelled': 'text-warn',
  'job.retrying': 'text-warn',
  warning: 'text-warn',
  error: 'text-bad',
}

function entriesOf(event: HubEvent): readonly Entry[] {
  const { id, type, timestamp } = event
  if (type === 'job.log') {
    const { lines = [] } = (event.data ?? {}) as { lines?: readonly JobLogLine[] }
    return lines.map(({ at, level, message }, index) => ({
      key: `${id} ${index}`,
      at,
      title: level,
      text: message,
      tone: tones[level] ?? 'text-muted',
    }))
  }
  const job = jobOf(event)
  const parts = job
    ? [doneText(job), job.stage, job.message, job.error?.message].filter(Boolean)
    : [JSON.stringify(event.data).slice(0, 200)]
  const title = type.replace(/^job\./, '')
  return [{ key: id, at: timestamp, title, text: parts.join(' · '), tone: tones[type] ?? '' }]
}
