import { type IncomingMessage, get } from 'node:http'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import type { Session } from '#src/auth/session.js'
import { memoryStore } from '#src/store/memory.js'
import { fakeClock } from '#src/testing/fake-clock.js'
import { headersOf, startHub } from './server.js'

const admin: Session = { userId: 'boss', admin: true, subscribe: ['*'], publish: ['*'] }

interface Seen {
  readonly user: string
  readonly state: string
  /** Unix ms. */
  readonly since: number
}

/** Real sockets; the hub's clock is moved by hand, so ten seconds and a minute take none (factor: unbounded). */
async function hubByHand() {
  const clock = fakeClock()
  const started = await startHub({ clock, store: memoryStore({ clock }), heartbeatMs: 600_000 })
  const states = async (query = '') =>
    (await started.call<{ connections: Seen[] }>(`/connections${query}`, { as: admin })).body.connections
      .map(({ user, state }) => `${user} ${state}`)
      .sort()
  /** For how long each has been in its state. */
  const agesMs = async () => {
    const { connections } = (await started.call<{ connections: Seen[] }>('/connections', { as: admin })).body
    return Object.fromEntries(connections.map(({ user, since }) => [user, clock.now() - since]))
  }
  return { clock, states, agesMs, ...started }
}

test('O2: a reader that stops taking bytes is stale after ten seconds, seen by GET /connections and ended by DELETE', async () => {
  const { clock, states, agesMs, url, call, stream, publish } = await hubByHand()
  const request = get(`${url}/events?topic=a`, { headers: headersOf({ ...admin, userId: 'slow' }) })
  onTestFinished(() => void request.destroy())
  const [answer] = (await once(request, 'response')) as [IncomingMessage]
  await once(answer, 'data')
  answer.pause()
  const quick = await stream({ as: { ...admin, userId: 'quick' }, topics: ['a'] })
  await quick.control('hello')
  // Far more than the kernel's buffers of both ends take.
  const count = 300
  for (let index = 0; index < count; index++) await publish({ topic: 'a', type: 'n', data: 'x'.repeat(60_000) }, admin)
  for (let index = 0; index < count; index++) await quick.next()
  expect(await states()).toEqual(['quick connected', 'slow connected'])
  expect(await states('?state=stale')).toEqual([])
  await clock.advance(9_000)
  expect(await states('?state=stale')).toEqual([])
  await clock.advance(2_000)
  expect(await states()).toEqual(['quick connected', 'slow stale'])
  // For eleven seconds bytes have been waiting, and after ten of them it was stale.
  expect(await agesMs()).toEqual({ quick: 11_000, slow: 1_000 })
  const ended = await call<{ closed: number }>('/connections?state=stale', { as: admin, method: 'DELETE' })
  expect(ended.body).toEqual({ closed: 1 })
  await expect.poll(() => states('?state=stale')).toEqual([])
  await publish({ topic: 'a', type: 'last', data: 1 }, admin)
  expect((await quick.next()).type).toBe('last')
})

test('O2: a minute without an event makes a stream idle, and the next one connected again', async () => {
  const { clock, states, agesMs, stream, publish } = await hubByHand()
  const reader = await stream({ as: { ...admin, userId: 'quiet' }, topics: ['a'] })
  await reader.control('hello')
  await clock.advance(59_000)
  expect(await states()).toEqual(['quiet connected'])
  await clock.advance(1_000)
  expect(await states('?state=idle')).toEqual(['quiet idle'])
  expect(await agesMs()).toEqual({ quiet: 0 })
  await clock.advance(5_000)
  expect(await agesMs()).toEqual({ quiet: 5_000 })
  expect(await states('?state=stale')).toEqual([])
  await publish({ topic: 'a', type: 'n', data: 1 }, admin)
  await reader.next()
  expect(await states()).toEqual(['quiet connected'])
  expect(await agesMs()).toEqual({ quiet: 0 })
})
