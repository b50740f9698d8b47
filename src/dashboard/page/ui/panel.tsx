import type { ReactNode } from 'react'
import { classNames } from './class-names.js'

export interface PanelProps {
  readonly title?: ReactNode
  /** Beside the title: a figure, a button. */
  readonly aside?: ReactNode
  readonly children: ReactNode
  readonly className?: string
  /** Without room around what is in it: for tables. */
  readonly flush?: boolean
}

export function Panel({ title, aside, children, className, flush = false }: PanelProps) {
  return (
    <section className={classNames('min-w-0 rounded-lg border border-line bg-panel', className)}>
      {(title !== undefined || aside !== undefined) && (
        <header className="flex min-h-11 flex-wrap items-center justify-between gap-x-3 gap-y-1 px-4 pt-2.5 pb-1">
          <h2 className="text-[0.8125rem] font-semibold">{title}</h2>
          {aside}
        </header>
      )}
      <div className={flush ? '' : 'px-4 pt-1 pb-4'}>{children}</div>
    </section>
  )
}
