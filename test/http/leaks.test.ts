import { once } from 'node:events'
import { createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { toNodeHandler } from '#src/http/node.js'
import { createHub } from '#src/index.js'
import { collect } from '../fixtures/collect.js'

test('I17: 2,000 streams and polls cut at any moment leave no connection and no feed behind', async () => {
  const hub = await createHub({ development: true })
  const server = createServer(toNodeHandler(hub)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const one = (index: number): Promise<void> =>
    new Promise((resolve) => {
      const poll = index % 3 === 0
      const request = get(`${base}/events?topic=user:7&userId=7${poll ? '&since=start&wait=20' : ''}`, {
        agent: false,
        headers: { Accept: poll ? 'application/json' : 'text/event-stream' },
      })
      request.on('error', () => {}).on('close', () => resolve())
      // Before the request is sent, while it is being answered, or after the first bytes.
      if (index % 4 === 0) request.destroy()
      else if (index % 4 === 1) setImmediate(() => request.destroy())
      else if (index % 4 === 2) setTimeout(() => request.destroy(), index % 7)
      else if (poll) setTimeout(() => request.destroy(), 5)
      else request.on('response', (response) => response.once('data', () => request.destroy()))
    })
  for (let round = 0; round < 40; round++) {
    await Promise.all(Array.from({ length: 50 }, (_, index) => one(round * 50 + index)))
    await hub.publish({ topic: 'user:7', type: 'n', data: round })
  }
  await expect.poll(() => hub.stats().connections).toBe(0)
  const { opened, closed } = hub.stats()
  expect(opened).toBeGreaterThan(500)
  expect(closed).toBe(opened)
  await hub.close({ drainMs: 100 })
  server.closeAllConnections()
  server.close()
})

test.each([
  ['is unknown', () => ''],
  ['says who it is', (n: number) => `&client=${String(n).padStart(32, '0')}`],
])(
  'I17: the list of those who came and went keeps no socket of a stream that is gone, whose client %s',
  async (_what, client) => {
    const hub = await createHub({ development: true })
    const server = createServer(toNodeHandler(hub)).listen(0, '127.0.0.1')
    const sockets: WeakRef<object>[] = []
    server.on('connection', (socket) => sockets.push(new WeakRef(socket)))
    await once(server, 'listening')
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const one = async (n: number): Promise<void> => {
      const request = get(`${base}/events?topic=user:7&userId=7${client(n)}`, { agent: false })
      const [response] = await once(request, 'response')
      await once(response, 'data')
      request.on('error', () => {}).destroy()
    }
    for (let n = 0; n < 20; n++) await one(n)
    await expect.poll(() => hub.stats().closed).toBe(20)
    const left = (): number => {
      collect()
      return sockets.filter((socket) => socket.deref()).length
    }
    await expect.poll(left).toBeLessThan(3)
    await hub.close({ drainMs: 0 })
    server.close()
  },
)

test.each([
  ['stream', 'text/event-stream', ''],
  ['poll', 'application/json', '&since=now&wait=20'],
])(
  'I17: a %s of the fetch handler ends with its request, also when the garbage was collected in between',
  async (_what, accept, query) => {
    const hub = await createHub({ authenticate: () => ({ userId: '7', subscribe: ['user:7'] }) })
    const abort = new AbortController()
    const ask = (): Promise<Response> =>
      hub.fetch(
        new Request(`http://hub.test/events?topic=user:7${query}`, { headers: { accept }, signal: abort.signal }),
      )
    const answer = ask()
    await expect.poll(() => hub.stats().connections).toBe(1)
    // What is held only weakly outlives the turn of the event loop in which it was last looked at.
    for (let turn = 0; turn < 3; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 10))
      collect()
    }
    abort.abort()
    await expect.poll(() => hub.stats().connections).toBe(0)
    await (await answer).body?.cancel().catch(() => {})
    await hub.close({ drainMs: 0 })
  },
)
