import type { ReactElement } from 'react'
import type { ConnectionStatus as Status } from '../client/state.js'
import { useConnection } from './connection.js'
import { type ConnectionWords, connectionWords } from './words.js'

export interface ConnectionPartProps {
  /** Words of your own, of another language say, for some or all. */
  readonly words?: Partial<ConnectionWords>
  /** Added to the part's own class. */
  readonly className?: string
}

const disc = 'M6 1a5 5 0 1 1 0 10A5 5 0 1 1 6 1'
/** No two look alike, so that colour is not needed to tell them apart. */
const shapes: Readonly<Record<Status, string>> = {
  idle: `${disc}m0 1.2a3.8 3.8 0 1 0 0 7.6a3.8 3.8 0 1 0 0-7.6`,
  connecting: `${disc}m0 1.2a3.8 3.8 0 1 0 0 7.6z`,
  connected: disc,
  polling: `${disc}m0 3a2 2 0 1 0 0 4a2 2 0 1 0 0-4`,
  waiting: 'M6 1l5.5 10H.5z',
  offline: 'M2.5 1L6 4.5 9.5 1 11 2.5 7.5 6 11 9.5 9.5 11 6 7.5 2.5 11 1 9.5 4.5 6 1 2.5z',
  closed: 'M2 2h8v8H2z',
}

/** The state of the connection as a shape, a colour (with the style sheet) and a word. */
export function ConnectionDot({ words, className = '' }: ConnectionPartProps): ReactElement {
  const { status } = useConnection()
  return (
    <span className={`tidings-dot ${className}`} data-status={status}>
      <svg aria-hidden width="12" height="12" viewBox="0 0 12 12" fill="currentColor" fillRule="evenodd">
        <path d={shapes[status]} />
      </svg>{' '}
      <span>{words?.[status] ?? connectionWords[status]}</span>
    </span>
  )
}
