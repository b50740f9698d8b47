import { wordsOfReason } from '../../hub/connections.js'
import { Drawer, Fact, Facts } from '../../ui/drawer.js'
import { count, dateAndTime, duration } from '../../ui/format.js'
import { TextLink } from '../../ui/text-link.js'
import { type Entry, whoOf } from './entries.js'

/** All that is known of one thing that happened. */
export function EntryDetails({ entry, onClose }: { entry: Entry; onClose: () => void }) {
  const { kind, at, connection, topics = [], topicCount = 0, reason, durationMs, sent, count: times = 1 } = entry
  const code = (text: string | undefined) => text && <code className="font-mono text-xs break-all">{text}</code>
  return (
    <Drawer title={whoOf(entry) ?? entry.code} onClose={onClose}>
      <div className="flex flex-col gap-5">
        <Facts>
          <Fact name="What">{kind}</Fact>
          <Fact name="When">{dateAndTime(at)}</Fact>
          <Fact name="How often">{times > 1 && `${count(times)} times, one after another; this was the last`}</Fact>
          <Fact name="Why">{reason && wordsOfReason(reason)}</Fact>
          <Fact name="Note">{entry.note}</Fact>
          <Fact name="Was open">{durationMs !== undefined && duration(durationMs)}</Fact>
          <Fact name="Events sent">{sent !== undefined && count(sent)}</Fact>
          <Fact name="Request">{entry.method && code(`${entry.method} ${entry.path}`)}</Fact>
          <Fact name="Answer">{entry.status !== undefined && `${entry.status} ${entry.code}`}</Fact>
          <Fact name="Code">{kind === 'error' && entry.code}</Fact>
          <Fact name="Stage">{entry.stage}</Fact>
          <Fact name="Field">{entry.field}</Fact>
          <Fact name="Limit">{entry.limit}</Fact>
          <Fact name="Request id">{code(entry.request)}</Fact>
          <Fact name="User">{entry.user}</Fact>
          <Fact name="Session">{entry.session}</Fact>
          <Fact name="Client">{entry.name}</Fact>
          <Fact name="Address">{entry.address}</Fact>
          <Fact name="Transport">{entry.transport}</Fact>
          <Fact name="Topics">
            {topics.length > 0 &&
              `${topics.join(', ')}${topicCount > topics.length ? ` and ${topicCount - topics.length} more` : ''}`}
          </Fact>
          <Fact name="Connection">{code(connection)}</Fact>
          <Fact name="Node">{code(entry.node)}</Fact>
        </Facts>
        {connection && (
          <p className="text-[0.8125rem]">
            <TextLink
              href={`/connections?${kind === 'closed' ? 'state=closed&' : ''}id=${encodeURIComponent(connection)}`}
            >
              Show it among the connections
            </TextLink>
          </p>
        )}
        {kind === 'error' && (
          <p className="text-[0.8125rem] text-muted">
            Its message stands in the log of the hub: it may hold addresses, which are not for pages.
          </p>
        )}
      </div>
    </Drawer>
  )
}
