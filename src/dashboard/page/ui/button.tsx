import type { ComponentProps } from 'react'
import { classNames } from './class-names.js'

const kinds = {
  plain: 'border-line-strong bg-panel text-ink hover:bg-raised',
  primary: 'border-transparent bg-accent-fill text-white hover:brightness-90',
  danger: 'border-transparent bg-bad-fill text-white hover:brightness-90',
  quiet: 'border-transparent bg-transparent text-muted hover:bg-raised hover:text-ink',
} as const

export interface ButtonProps extends ComponentProps<'button'> {
  readonly kind?: keyof typeof kinds
  readonly busy?: boolean
}

/** One with nothing but an icon in it needs an `aria-label`. */
export function Button({ kind = 'plain', busy = false, className, disabled, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      disabled={disabled || busy}
      aria-busy={busy || undefined}
      className={classNames(
        'inline-flex h-8 shrink-0 items-center justify-center gap-1.5 rounded-md border px-3 text-[0.8125rem] font-medium whitespace-nowrap transition-colors disabled:cursor-not-allowed disabled:opacity-50 [&>svg]:size-4 [&>svg]:shrink-0',
        kinds[kind],
        className,
      )}
    />
  )
}
