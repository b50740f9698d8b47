import { RotateCw, WifiOff } from 'lucide-react'
import { useEffect, useState } from 'react'
import { liveClient, useClientStatus } from '../hub/live-client.js'
import { Button } from '../ui/button.js'
import { classNames } from '../ui/class-names.js'

/** A page that has just opened connects within a second; only what takes longer is worth a word. */
const patienceMs = 1_500

const words: Readonly<Record<string, string>> = {
  offline: 'This device is offline. What you see is from before.',
  waiting: 'The connection to the hub is lost; it is tried again by itself. What you see may be old.',
  connecting: 'Connecting to the hub…',
}

/** Says that what is shown may be old, while the page has no stream of its own. */
export function ConnectionBanner() {
  const { status } = useClientStatus()
  const text = words[status]
  const [late, setLate] = useState(false)
  const isAway = text !== undefined
  useEffect(() => {
    setLate(false)
    if (!isAway) return
    const timer = setTimeout(() => setLate(true), patienceMs)
    return () => clearTimeout(timer)
  }, [isAway])
  return (
    <div role="status" className="sticky top-0 z-10 max-md:top-14">
      {isAway && late && (
        <div className="flex flex-wrap items-center gap-x-3 gap-y-1.5 border-b border-line bg-warn-soft px-4 py-2 text-[0.8125rem] text-warn md:px-6">
          <WifiOff aria-hidden className="size-4 shrink-0" />
          <span className="min-w-0 flex-1">{text}</span>
          <Button className="h-7" onClick={() => liveClient().reconnect()}>
            <RotateCw aria-hidden /> Try now
          </Button>
        </div>
      )}
    </div>
  )
}

const short: Readonly<Record<string, readonly [string, string]>> = {
  connected: ['Live', 'bg-good'],
  polling: ['Live, by polling', 'bg-good'],
  connecting: ['Connecting', 'bg-warn'],
  waiting: ['Reconnecting', 'bg-warn'],
  offline: ['Offline', 'bg-bad'],
}

export function ConnectionDot() {
  const { status } = useClientStatus()
  const [text, colour] = short[status] ?? ['Not connected', 'bg-line-strong']
  return (
    <span className="flex items-center gap-2">
      <span aria-hidden className={classNames('size-2 rounded-full', colour)} /> {text}
    </span>
  )
}
