import { createConnection, type Socket } from 'node:net'

/** A request by hand over a socket of its own: every byte that comes back is handed on, heads and framing included. */
export interface WireRequest {
  readonly port: number
  readonly method?: string
  /** As it goes on the wire. */
  readonly target: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export interface Wire {
  /** What was sent, as text. */
  readonly sent: string
  /** Status of the answer; resolves with 0 where there is none. */
  readonly status: Promise<number>
  /** Resolves when the connection is closed. */
  readonly closed: Promise<void>
  readonly isOpen: boolean
  close(): void
}

export function wire(request: WireRequest, received: (text: string, bytes: number) => void): Wire {
  const { port, method = 'GET', target, headers = {}, body } = request
  const lines = [
    `${method} ${target} HTTP/1.1`,
    'Host: localhost',
    'Connection: close',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(body === undefined ? [] : ['Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`]),
  ]
  const sent = `${lines.join('\r\n')}\r\n\r\n${body ?? ''}`
  const socket: Socket = createConnection({ port, host: '127.0.0.1', noDelay: true })
  let isOpen = true
  let head = ''
  let gotStatus: (status: number) => void = () => undefined
  const status = new Promise<number>((resolve) => {
    gotStatus = resolve
  })
  const closed = new Promise<void>((resolve) => {
    socket.on('close', () => {
      isOpen = false
      gotStatus(0)
      resolve()
    })
  })
  socket.on('error', () => undefined)
  socket.on('data', (chunk) => {
    const text = chunk.toString('latin1')
    if (head.length < 16) {
      head += text
      const found = /^HTTP\/1\.1 (\d{3})/.exec(head)
      if (found) gotStatus(Number(found[1]))
    }
    received(text, chunk.length)
  })
  socket.write(sent)
  return {
    sent,
    status,
    closed,
    get isOpen() {
      return isOpen
    },
    close: () => socket.destroy(),
  }
}
