import { Play, Square, X } from 'lucide-react'
import { type FormEvent, useEffect, useState, useSyncExternalStore } from 'react'
import { curlOf, tokenVariable } from '../../hub/curl.js'
import { session } from '../../hub/session.js'
import { Badge, type Tone } from '../../ui/badge.js'
import { Button } from '../../ui/button.js'
import { CopyButton } from '../../ui/copy-button.js'
import { count } from '../../ui/format.js'
import { Panel } from '../../ui/panel.js'
import { Frames } from './frames.js'
import { PaneSettings } from './pane-settings.js'
import { type TrySettings, requestOf } from './request.js'
import { TryStream, type TryState } from './try-stream.js'

interface PaneProps {
  readonly name: string
  readonly first: TrySettings
  /** Absent: it is the only one. */
  readonly onRemove?: (() => void) | undefined
}

/** One reader: who it is, what it asks for, and all that comes back. */
export function Pane({ name, first, onRemove }: PaneProps) {
  const [settings, setSettings] = useState(first)
  const [stream] = useState(() => new TryStream())
  const now = useSyncExternalStore(stream.watch, () => stream.now)
  useEffect(() => () => stream.close(), [stream])
  const isClosed = now.state === 'closed'
  const onSubmit = (event: FormEvent): void => {
    event.preventDefault()
    if (isClosed) stream.open(settings)
    else stream.close()
  }
  return (
    <Panel
      title={`${name} · ${whoOf(settings)}`}
      aside={
        <span className="flex items-center gap-2">
          <State now={now} />
          {onRemove && (
            <Button kind="quiet" aria-label={`Remove ${name}`} className="w-8 px-0" onClick={onRemove}>
              <X aria-hidden />
            </Button>
          )}
        </span>
      }
    >
      <form aria-label={name} onSubmit={onSubmit} className="flex flex-col gap-3">
        {isClosed ? (
          <PaneSettings settings={settings} onChange={(part) => setSettings({ ...settings, ...part })} />
        ) : (
          <Asked settings={settings} />
        )}
        <div className="flex flex-wrap items-center gap-2">
          <Button type="submit" kind={isClosed ? 'primary' : 'plain'}>
            {isClosed ? <Play aria-hidden /> : <Square aria-hidden />} {isClosed ? 'Open' : 'Close'}
          </Button>
          <CopyButton label="Copy as curl" text={() => curlOfPane(settings)} />
          <span className="figures ml-auto text-xs text-muted">
            {count(now.events)} {now.events === 1 ? 'event' : 'events'}
          </span>
        </div>
        <Frames
          label={`Frames of ${name}`}
          entries={now.entries}
          dropped={now.dropped}
          empty={
            isClosed
              ? 'Press “Open”: the answer and every frame show here, with their times.'
              : 'Waiting for the answer…'
          }
        />
        {now.headers.length > 0 && (
          <details className="text-xs">
            <summary className="font-medium text-muted">Response headers</summary>
            <dl className="mt-2 grid grid-cols-[auto_1fr] gap-x-4 font-mono leading-5">
              {now.headers.map(([header, value]) => (
                <div key={header} className="contents">
                  <dt className="text-muted">{header}</dt>
                  <dd className="wrap-anywhere">{value}</dd>
                </div>
              ))}
            </dl>
          </details>
        )}
      </form>
    </Panel>
  )
}

/** While it is open there is more to see below than above. */
function Asked({ settings: { topics, types, since, transport } }: { settings: TrySettings }) {
  const parts = [
    transport === 'sse' ? 'Stream' : 'Long polls',
    topics.trim() || 'own topics',
    types.trim() || 'every type',
    `since ${since.trim() || 'now'}`,
  ]
  return <p className="text-[0.8125rem] wrap-anywhere text-muted">{parts.join(' · ')}</p>
}

function State({ now: { state, status } }: { now: TryState }) {
  const failed = status !== null && status >= 400
  const tone: Tone = failed ? 'bad' : state === 'open' ? 'good' : 'neutral'
  const words = state === 'closed' && status === null ? 'closed' : status === null ? 'opening' : `${status} · ${state}`
  return (
    <Badge tone={tone} dot>
      {words}
    </Badge>
  )
}

function whoOf({ identity, userId, roles }: TrySettings): string {
  if (identity === 'development') return `${userId || '?'}${roles.trim() && ` (${roles.trim()})`}`
  return identity === 'me' ? (session.current.user ?? 'you') : identity === 'token' ? 'a token' : 'nobody'
}

function curlOfPane(settings: TrySettings): string {
  const { address, headers } = requestOf(settings, session.current.token)
  const { Authorization, ...rest } = headers
  return curlOf({
    url: address,
    headers: { ...rest, ...(Authorization !== undefined && { Authorization: `Bearer ${tokenVariable}` }) },
    stream: settings.transport === 'sse',
  })
}
