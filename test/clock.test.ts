import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '#src/clock.js'

const standStill = (ms: number): void => {
  for (const end = performance.now() + ms; performance.now() < end; );
}

/** Both ends of a connection. */
async function line(): Promise<[Socket, Socket]> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const near = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [far] = (await once(server, 'connection')) as [Socket]
  onTestFinished(() => {
    for (const end of [near, far]) end.destroy()
    server.close()
  })
  return [near, far]
}

test('S5: after a standstill of the process what has come is heard before a timeout says that nothing came', async () => {
  const [near, far] = await line()
  const happened: string[] = []
  near.on('data', () => happened.push('the answer'))
  const over = new Promise<void>((resolve) => {
    systemClock.setTimer(
      () => {
        happened.push('the timeout')
        resolve()
      },
      50,
      { keepsProcess: true },
    )
  })
  far.write('answer')
  standStill(400)
  await over
  expect(happened).toEqual(['the answer', 'the timeout'])
})

test('a timer that is late can still be cancelled', async () => {
  let fired = false
  const timer = systemClock.setTimer(() => (fired = true), 20)
  // It comes before that timer in the same turn, or behind it: late it is either way.
  setTimeout(() => timer.cancel(), 21)
  standStill(300)
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(fired).toBe(false)
})
