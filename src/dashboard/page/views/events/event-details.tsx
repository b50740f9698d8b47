import { Filter } from 'lucide-react'
import type { ReactNode } from 'react'
import { topicsOf } from '../../hub/event.js'
import { hubUrl } from '../../hub/address.js'
import type { LoggedEvent } from '../../hub/event-log.js'
import { Button } from '../../ui/button.js'
import { CopyButton } from '../../ui/copy-button.js'
import { Drawer, Fact, Facts } from '../../ui/drawer.js'
import { JsonView } from '../../ui/json-view.js'
import { curlOfEvent } from './curl.js'
import { PriorityBadge } from './priority-badge.js'

interface EventDetailsProps {
  readonly logged: LoggedEvent
  readonly onClose: () => void
  /** Adds a part to the filter. */
  readonly onFilter: (part: string) => void
}

export function EventDetails({ logged, onClose, onFilter }: EventDetailsProps) {
  const { event, cursor, text } = logged
  const { id, type, seq, timestamp, priority, source, metadata, volatile, data } = event
  return (
    <Drawer title={type} aside={<PriorityBadge priority={priority} />} onClose={onClose}>
      <div className="flex flex-col gap-5">
        <div className="flex flex-wrap gap-2">
          <CopyButton label="Copy as curl" text={() => curlOfEvent(hubUrl, event, cursor)} />
          <CopyButton label="Copy envelope" text={() => text} />
          <Only part={`type:${quoted(type)}`} what="this type" onFilter={onFilter} />
          <Only part={`topic:${quoted(event.topic)}`} what="this topic" onFilter={onFilter} />
        </div>
        <Facts>
          <Fact name="Topics">
            <ul className="flex flex-col font-mono text-xs leading-5.5">
              {topicsOf(event).map((topic) => (
                <li key={topic} className="wrap-anywhere">
                  {topic}
                </li>
              ))}
            </ul>
          </Fact>
          <Fact name="Stored">
            <code className="font-mono text-xs">{new Date(timestamp).toISOString()}</code>
          </Fact>
          <Fact name="Number">{volatile ? 'none: it was volatile' : seq}</Fact>
          <Fact name="Cursor">{cursor && <code className="font-mono text-xs">{cursor}</code>}</Fact>
          <Fact name="Id">
            <code className="font-mono text-xs wrap-anywhere">{id}</code>
          </Fact>
          <Fact name="Source">{source}</Fact>
        </Facts>
        <Part title="Data">
          <JsonView label="Data" value={data} />
        </Part>
        {metadata && (
          <Part title="Metadata">
            <JsonView label="Metadata" value={metadata} />
          </Part>
        )}
        <details className="group">
          <summary className="text-[0.8125rem] font-semibold">Envelope as it was sent</summary>
          <pre className="mt-2 max-h-96 overflow-auto rounded-md border border-line bg-canvas p-3 font-mono text-xs whitespace-pre-wrap wrap-anywhere">
            {text}
          </pre>
        </details>
      </div>
    </Drawer>
  )
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="flex min-w-0 flex-col gap-2">
      <h3 className="text-[0.8125rem] font-semibold">{title}</h3>
      {children}
    </section>
  )
}

function Only({ part, what, onFilter }: { part: string; what: string; onFilter: (part: string) => void }) {
  return (
    <Button onClick={() => onFilter(part)}>
      <Filter aria-hidden /> Only {what}
    </Button>
  )
}

const quoted = (text: string): string => (/[\s,"*]/.test(text) ? `"${text}"` : text)
