import { classNames } from './class-names.js'

export interface SegmentsProps<Option extends string> {
  /** What is chosen here, for those who do not see it. */
  readonly label: string
  readonly options: readonly Option[]
  readonly value: Option
  readonly onChange: (option: Option) => void
  readonly words?: (option: Option) => string
}

/** One of a few, all in sight. */
export function Segments<Option extends string>({
  label,
  options,
  value,
  onChange,
  words = String,
}: SegmentsProps<Option>) {
  return (
    <div
      role="group"
      aria-label={label}
      className="flex max-w-full overflow-x-auto rounded-md border border-line bg-panel p-0.5"
    >
      {options.map((option) => (
        <button
          key={option}
          type="button"
          aria-pressed={option === value}
          onClick={() => onChange(option)}
          className={classNames(
            'h-7 rounded-sm px-2.5 text-xs font-medium whitespace-nowrap focus-visible:-outline-offset-2',
            option === value ? 'bg-raised text-ink' : 'text-muted hover:text-ink',
          )}
        >
          {words(option)}
        </button>
      ))}
    </div>
  )
}
