import type { ComponentProps } from 'react'
import { classNames } from './class-names.js'

const look = 'flex flex-wrap items-center gap-2 border-b border-line p-3'

/** At the head of a panel: what its table is narrowed down by. */
export const Toolbar = ({ className, ...rest }: ComponentProps<'div'>) => (
  <div {...rest} className={classNames(look, className)} />
)

/** One that is sent with Enter. */
export const ToolbarForm = ({ className, ...rest }: ComponentProps<'form'>) => (
  <form {...rest} className={classNames(look, className)} />
)
