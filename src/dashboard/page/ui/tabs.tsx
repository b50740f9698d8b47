import { classNames } from './class-names.js'

interface TabsProps<Name extends string> {
  readonly label: string
  readonly options: readonly (readonly [name: Name, words: string])[]
  readonly chosen: Name
  readonly onChoose: (name: Name) => void
}

/** One of a few, side by side. Radio buttons to the keyboard and to screen readers. */
export function Tabs<Name extends string>({ label, options, chosen, onChoose }: TabsProps<Name>) {
  return (
    <fieldset className="flex max-w-full flex-wrap gap-0.5 self-start rounded-md border border-line bg-raised p-0.5">
      <legend className="sr-only">{label}</legend>
      {options.map(([name, words]) => (
        <label
          key={name}
          className={classNames(
            'flex h-7 cursor-pointer items-center rounded-sm px-3 text-[0.8125rem] font-medium has-focus-visible:outline-2 has-focus-visible:outline-accent',
            name === chosen ? 'bg-panel text-ink shadow-xs' : 'text-muted hover:text-ink',
          )}
        >
          <input
            type="radio"
            className="sr-only"
            name={label}
            value={name}
            checked={name === chosen}
            onChange={() => onChoose(name)}
          />
          {words}
        </label>
      ))}
    </fieldset>
  )
}
