import { classNames } from '../../ui/class-names.js'
import { count } from '../../ui/format.js'

const states = [
  ['connected', 'Connected', 'bg-series-3', 'live'],
  ['idle', 'Idle', 'bg-muted', 'no event for a minute'],
  ['connecting', 'Connecting', 'bg-series-1', 'before the first bytes'],
  ['stale', 'Stale', 'bg-series-2', 'bytes wait for over 10 s'],
  ['disconnecting', 'Disconnecting', 'bg-series-4', 'told to go'],
] as const

/** How many connections are in which state, as one bar and in figures. */
export function StateBar({ byState }: { byState: Readonly<Record<string, number>> }) {
  const total = Object.values(byState).reduce((sum, value) => sum + value, 0)
  return (
    <div className="flex flex-col gap-3 pt-2">
      <div aria-hidden className="flex h-2.5 gap-0.5 overflow-hidden rounded-full bg-raised">
        {states.map(([state, , colour]) => {
          const value = byState[state] ?? 0
          return (
            value > 0 && (
              <span
                key={state}
                className={classNames('min-w-1', colour)}
                style={{ width: `${(100 * value) / total}%` }}
              />
            )
          )
        })}
      </div>
      <ul className="flex flex-col gap-1.5 text-[0.8125rem]">
        {states.map(([state, name, colour, words]) => (
          <li key={state} className="flex items-center gap-2">
            <span aria-hidden className={classNames('size-2 rounded-full', colour)} />
            {name}
            <span className="min-w-0 flex-1 truncate text-xs text-muted">{words}</span>
            <span className="figures font-medium">{count(byState[state] ?? 0)}</span>
          </li>
        ))}
      </ul>
    </div>
  )
}
