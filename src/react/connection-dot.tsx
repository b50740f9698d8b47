import type { ReactElement } from 'react'
import { useConnection } from './connection.js'
import { type ConnectionWords, connectionWords } from './words.js'

export interface ConnectionPartProps {
  /** Words of your own, of another language say, for some or all. */
  readonly words?: Partial<ConnectionWords> | undefined
  /** Added to the part's own class. */
  readonly className?: string
}

/** The state of the connection as a word and, drawn by the style sheet, a shape and a colour. */
export function ConnectionDot({ words, className = '' }: ConnectionPartProps): ReactElement {
  const { status } = useConnection()
  return (
    <span className={`tidings-dot ${className}`} data-status={status}>
      <i aria-hidden />
      <span>{words?.[status] ?? connectionWords[status]}</span>
    </span>
  )
}
