import type { Client, ConnectionStatus } from 'tidings/client'
import { element, setText } from './element.js'

const words: Record<ConnectionStatus, string> = {
  idle: 'Not connected',
  connecting: 'Connecting…',
  connected: 'Live',
  polling: 'Live, by polling',
  waiting: 'Reconnecting…',
  offline: 'Offline',
  closed: 'Closed',
}

/** The connection in shape, colour and words; a click connects anew. */
export function connectionDot(client: Client): HTMLElement {
  const text = element('span', {})
  const root = element(
    'button',
    { class: 'connection', title: 'Connect anew', onclick: () => client.reconnect() },
    text,
  )
  const update = (): void => {
    const { status } = client.status.getSnapshot()
    root.dataset['status'] = status
    setText(text, words[status])
  }
  client.status.subscribe(update)
  update()
  return root
}
