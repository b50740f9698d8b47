import { Search } from 'lucide-react'
import { type ComponentProps, type ReactNode, useId } from 'react'
import { classNames } from './class-names.js'

/** A `className` of one's own says how wide it is. */
const box =
  'h-8 min-w-0 rounded-md border border-line-strong bg-panel px-2.5 text-[0.8125rem] text-ink placeholder:text-muted disabled:opacity-50'

/** A label over what it names; `hint` below. */
export function Field({
  label,
  hint,
  error,
  children,
}: {
  label: string
  hint?: ReactNode
  error?: string | null
  children: (id: string) => ReactNode
}) {
  const id = useId()
  return (
    <div className="flex min-w-0 flex-col gap-1">
      <label htmlFor={id} className="text-xs font-medium text-muted">
        {label}
      </label>
      {children(id)}
      {error ? (
        <p role="alert" className="text-xs text-bad">
          {error}
        </p>
      ) : (
        hint && <p className="text-xs text-muted">{hint}</p>
      )}
    </div>
  )
}

export const Input = ({ className, ...rest }: ComponentProps<'input'>) => (
  <input autoComplete="off" spellCheck={false} {...rest} className={classNames(box, className ?? 'w-full')} />
)

export const Select = ({ className, ...rest }: ComponentProps<'select'>) => (
  <select {...rest} className={classNames(box, 'pr-7', className ?? 'w-full')} />
)

export const TextArea = ({ className, ...rest }: ComponentProps<'textarea'>) => (
  <textarea
    spellCheck={false}
    {...rest}
    className={classNames(box, 'h-auto py-1.5 font-mono text-xs', className ?? 'w-full')}
  />
)

/** The field that `/` goes to (shell/keys.ts). */
export function FilterInput({ className, label, ...rest }: ComponentProps<'input'> & { label: string }) {
  return (
    <div className={classNames('relative', className)}>
      <Search aria-hidden className="pointer-events-none absolute top-2 left-2.5 size-4 text-muted" />
      <Input
        data-filter
        type="search"
        aria-label={label}
        placeholder={label}
        aria-keyshortcuts="/"
        className="w-full pl-8"
        {...rest}
      />
    </div>
  )
}
