import { useEffect, useRef } from 'react'
import { Button } from './button.js'

interface ConfirmProps {
  readonly question: string
  /** What the button does that cannot be undone. */
  readonly action: string
  /** What the other does; default "Cancel". */
  readonly keep?: string
  readonly busy: boolean
  readonly onConfirm: () => void
  readonly onKeep: () => void
}

/** Asks before something that cannot be undone, in its place. The harmless answer has the focus. */
export function Confirm({ question, action, keep = 'Cancel', busy, onConfirm, onKeep }: ConfirmProps) {
  const harmless = useRef<HTMLButtonElement>(null)
  useEffect(() => harmless.current?.focus(), [])
  return (
    <div
      role="alertdialog"
      aria-label={question}
      className="flex flex-col gap-3 rounded-md bg-bad-soft p-3 text-[0.8125rem]"
    >
      <p>{question}</p>
      <div className="flex flex-wrap gap-2">
        <Button kind="danger" busy={busy} onClick={onConfirm}>
          {action}
        </Button>
        <Button ref={harmless} disabled={busy} onClick={onKeep}>
          {keep}
        </Button>
      </div>
    </div>
  )
}
