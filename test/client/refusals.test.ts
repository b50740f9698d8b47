import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { createClient } from '#src/client/index.js'

test.each(['sse', 'poll'] as const)(
  'C5: the rest of an answer that is no answer to a %s is not waited for: its connection is let go',
  async (transport) => {
    let close = (): void => {}
    const closed = new Promise<void>((resolve) => (close = resolve))
    const server = createServer((_request, response) => {
      response.on('close', () => close())
      // Of a proxy, and without an end.
      response.writeHead(500, { 'Content-Type': 'text/html' })
      response.write('<h1>Sorry</h1>')
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const client = createClient({ url: `http://127.0.0.1:${port}`, transport })
    onTestFinished(() => {
      client.close()
      server.closeAllConnections()
      server.close()
    })
    const kind = new Promise((resolve) => client.onError((error) => resolve(error.kind)))
    client.subscribe('a', {})
    expect(await kind).toBe('server')
    await closed
  },
  // Not read and not let go of, it would be closed when its garbage is collected.
  4_000,
)
