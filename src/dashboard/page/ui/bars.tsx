import type { ReactNode } from 'react'
import { count } from './format.js'

export interface Bar {
  readonly name: ReactNode
  readonly key: string
  readonly value: number
  /** Beside the figure: a rate. */
  readonly aside?: string
}

/** Names with their figures, the largest first, each over a bar of its share. */
export function Bars({ bars, most = 8 }: { bars: readonly Bar[]; most?: number }) {
  const sorted = bars.filter(({ value }) => value > 0).toSorted((a, b) => b.value - a.value)
  const largest = sorted[0]?.value ?? 1
  return (
    <ul className="flex flex-col gap-0.5">
      {sorted.slice(0, most).map(({ key, name, value, aside }) => (
        <li key={key} className="relative flex items-center gap-3 rounded-sm px-2 py-1 text-[0.8125rem]">
          <span
            aria-hidden
            className="absolute inset-y-0 left-0 rounded-sm bg-accent-soft"
            style={{ width: `${(100 * value) / largest}%` }}
          />
          <span className="relative min-w-0 flex-1 truncate">{name}</span>
          {aside && <span className="figures relative text-xs text-muted">{aside}</span>}
          <span className="figures relative font-medium">{count(value)}</span>
        </li>
      ))}
      {sorted.length > most && <li className="px-2 pt-1 text-xs text-muted">and {sorted.length - most} more</li>}
    </ul>
  )
}
