import type { ReactElement } from 'react'
import { ConnectionDot, type ConnectionPartProps } from './connection-dot.js'
import { useConnection } from './connection.js'
import { connectionWords } from './words.js'

/**
 * The connection in words: its state, what carries it, the last event, what is wrong, and a button that tries again at once.
 * State and error are announced when they change; events are not.
 */
export function ConnectionStatus({ words, className = '' }: ConnectionPartProps): ReactElement {
  const { status, lastEvent, error, reconnect } = useConnection()
  const say = { ...connectionWords, ...words }
  const at = lastEvent && new Date(lastEvent.timestamp)
  return (
    <div className={`tidings-connection ${className}`} data-status={status}>
      <div role="status" aria-live="polite">
        <ConnectionDot words={words} />
        {status === 'connected' && ` ${say.stream}`}
        {error && <p className="tidings-error">{error.message}</p>}
      </div>
      {at && (
        <p>
          {say.lastEvent} <time dateTime={at.toISOString()}>{at.toLocaleTimeString()}</time>{' '}
          <code>{lastEvent.type}</code>
        </p>
      )}
      {(error || status === 'waiting') && status !== 'closed' && (
        <button type="button" onClick={reconnect}>
          {say.tryAgain}
        </button>
      )}
    </div>
  )
}
