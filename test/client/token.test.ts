import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { tokenFrom } from '#src/client/index.js'
import { fakeClock } from '#src/testing/fake-clock.js'

/** A server that mints `t1`, `t2`, …; `answer` may say otherwise. */
async function mint(lifeMs = 3_600_000) {
  const clock = fakeClock()
  let minted = 0
  let status = 200
  const server = createServer((request, response) => {
    expect(request.method).toBe('POST')
    minted++
    const body = { token: `t${minted}`, expiresAt: clock.now() + lifeMs }
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/tokens`
  return { clock, getToken: tokenFrom(url, { clock }), minted: () => minted, refuse: (code: number) => (status = code) }
}
const use = { refresh: false }

test('A2: a token is used until 30 s before its end, then another is minted; a refresh mints at once', async () => {
  const { clock, getToken } = await mint()
  expect(await getToken(use)).toBe('t1')
  await clock.advance(3_600_000 - 30_001)
  expect(await getToken(use)).toBe('t1')
  await clock.advance(1)
  expect(await getToken(use)).toBe('t2')
  expect(await getToken({ refresh: true })).toBe('t3')
})

test('A2: however many ask at once, one request is made, for refreshes too', async () => {
  const { getToken, minted } = await mint()
  expect(await Promise.all([getToken(use), getToken(use), getToken({ refresh: true })])).toEqual(['t1', 't1', 't1'])
  expect(minted()).toBe(1)
})

test('A2: a wall clock that jumps asks no less often, and a short life is used for half', async () => {
  const { clock, getToken } = await mint(20_000)
  expect(await getToken(use)).toBe('t1')
  clock.jump(-3_600_000)
  await clock.advance(9_999)
  expect(await getToken(use)).toBe('t1')
  await clock.advance(1)
  expect(await getToken(use)).toBe('t2')
})

test('C5: refused is an authentication error, anything else connection trouble; the next try asks again', async () => {
  const { getToken, refuse } = await mint()
  refuse(401)
  await expect(getToken(use)).rejects.toMatchObject({ kind: 'authentication' })
  refuse(500)
  await expect(getToken(use)).rejects.toMatchObject({ kind: 'connection' })
  refuse(200)
  expect(await getToken(use)).toBe('t3')
})
