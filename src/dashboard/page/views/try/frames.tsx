import { useEffect, useRef } from 'react'
import { classNames } from '../../ui/class-names.js'
import { count } from '../../ui/format.js'
import type { TryEntry } from './try-stream.js'

/** What came, oldest first, with the time after the request; it follows the newest unless one has scrolled away. */
export function Frames({
  label,
  entries,
  dropped,
  empty,
}: {
  label: string
  entries: readonly TryEntry[]
  dropped: number
  /** What stands there before anything came. */
  empty: string
}) {
  const list = useRef<HTMLOListElement>(null)
  const follows = useRef(true)
  const last = entries.at(-1)?.key
  useEffect(() => {
    const { current } = list
    if (current && follows.current && last !== undefined) current.scrollTop = current.scrollHeight
  }, [last])
  return (
    <ol
      ref={list}
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
      tabIndex={0}
      className="h-80 overflow-auto rounded-md border border-line bg-canvas font-mono text-xs leading-5"
      onScroll={({ currentTarget: { scrollTop, clientHeight, scrollHeight } }) => {
        follows.current = scrollTop + clientHeight > scrollHeight - 24
      }}
    >
      {dropped > 0 && <li className="px-3 py-1 text-muted">{count(dropped)} earlier ones are no longer shown.</li>}
      {entries.length === 0 && (
        <li className="flex h-full items-center justify-center p-6 text-center font-sans text-[0.8125rem] text-muted">
          {empty}
        </li>
      )}
      {entries.map((entry) => (
        <li
          key={entry.key}
          className={classNames(
            'grid grid-cols-[3.75rem_1fr] gap-2 border-b border-line px-3 py-1.5 last:border-b-0 md:grid-cols-[4.5rem_1fr] md:gap-3',
            entry.isEvent && 'bg-accent-soft',
          )}
        >
          <span className="figures text-right text-muted">{timeText(entry.afterMs)}</span>
          <Text entry={entry} />
        </li>
      ))}
    </ol>
  )
}

const timeText = (ms: number): string => (ms < 10_000 ? `+${ms.toFixed(0)} ms` : `+${(ms / 1_000).toFixed(1)} s`)

function Text({ entry: { kind, text } }: { entry: TryEntry }) {
  if (kind !== 'frame') {
    return (
      <span className={classNames('min-w-0 whitespace-pre-wrap wrap-anywhere', kind !== 'poll' && 'text-muted')}>
        {text}
      </span>
    )
  }
  return (
    <span className="min-w-0 whitespace-pre-wrap wrap-anywhere">
      {text.split('\n').map((line, index) => {
        const colon = line.indexOf(':')
        return (
          // A frame never changes: its lines are told apart by their place.
          // biome-ignore lint/suspicious/noArrayIndexKey: see above
          <span key={index} className="block">
            <span className="text-accent">{line.slice(0, colon + 1)}</span>
            {line.slice(colon + 1)}
          </span>
        )
      })}
    </span>
  )
}
