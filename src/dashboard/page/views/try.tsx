import { Plus } from 'lucide-react'
import { useState } from 'react'
import { Button } from '../ui/button.js'
import { ViewHead } from '../ui/view-head.js'
import { Pane } from './try/pane.js'
import { QuickPublish } from './try/quick-publish.js'
import type { TrySettings } from './try/request.js'

const mostPanes = 4

/** Development users are let in on loopback alone (spec A1). */
const isLoopback = /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/.test(location.hostname)

const settingsFor = (userId: string): TrySettings => ({
  identity: isLoopback ? 'development' : 'token',
  userId,
  roles: '',
  token: '',
  topics: '',
  types: '',
  since: '',
  transport: 'sse',
})

interface Opened {
  readonly number: number
  readonly settings: TrySettings
}

/** Readers side by side, each with what it is sent, byte by byte: who sees what, and who does not. */
export default function TryView() {
  const [panes, setPanes] = useState<readonly Opened[]>([
    { number: 1, settings: settingsFor('7') },
    { number: 2, settings: settingsFor('8') },
  ])
  const add = (): void => {
    const number = Math.max(0, ...panes.map((pane) => pane.number)) + 1
    setPanes([...panes, { number, settings: settingsFor(String(number + 6)) }])
  }
  return (
    <>
      <ViewHead
        title="Try it"
        about={
          isLoopback
            ? 'Open streams as different people side by side. Development users take a hub that runs with --dev.'
            : 'Open streams as different people side by side, each with a token.'
        }
      >
        <Button onClick={add} disabled={panes.length >= mostPanes}>
          <Plus aria-hidden /> Add a reader
        </Button>
      </ViewHead>
      <QuickPublish />
      <div className="grid items-start gap-4 lg:grid-cols-2">
        {panes.map(({ number, settings }) => (
          <Pane
            key={number}
            name={`Reader ${number}`}
            first={settings}
            onRemove={panes.length > 1 ? () => setPanes(panes.filter((pane) => pane.number !== number)) : undefined}
          />
        ))}
      </div>
    </>
  )
}
