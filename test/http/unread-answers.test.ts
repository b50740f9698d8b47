import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '#src/clock.js'
import { UnreadAnswers } from '#src/http/unread-answers.js'
import { Wheel } from '#src/hub/wheel.js'
import { startHub } from './server.js'

/** More than any operating system takes for somebody who reads nothing. */
const body = 'x'.repeat(40_000_000)

/** Asks, and reads nothing until it is told to. */
async function asker(port: number, path = '/') {
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  socket.on('error', () => {})
  socket.pause()
  let bytes = 0
  const over = new Promise<void>((resolve) => void socket.on('close', () => resolve()))
  await once(socket, 'connect')
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
  return {
    /** How much there was to read, to the end. */
    async rest(): Promise<number> {
      socket.on('data', (chunk) => void (bytes += chunk.length)).resume()
      await over
      return bytes
    },
    /** Reads a little now and then. */
    async slowly(pauseMs: number): Promise<number> {
      let part = 0
      socket.on('data', (chunk) => {
        bytes += chunk.length
        part += chunk.length
        if (part < 4_000_000) return
        part = 0
        socket.pause()
        setTimeout(() => socket.resume(), pauseMs)
      })
      socket.resume()
      await over
      return bytes
    },
  }
}

test('T7: who asks and takes no byte of the answer is cut, who reads slowly gets it whole', async () => {
  const warned: object[] = []
  const log = { debug() {}, info() {}, warn: (fields: object) => void warned.push(fields), error() {} }
  const dashboard = { answer: () => ({ status: 200, headers: { 'Content-Type': 'text/javascript' }, body }) }
  const { url } = await startHub({ dashboard, slowConsumerMs: 800, log })
  const port = Number(new URL(url).port)
  const silent = await asker(port, '/dashboard')
  const slow = await asker(port, '/dashboard')
  expect(await slow.slowly(150)).toBeGreaterThan(body.length)
  await expect.poll(() => warned).toEqual([{ cut: 1 }])
  expect(await silent.rest()).toBeLessThan(body.length)
})

test('T7: what waits for those who do not read is bounded, and the eldest goes first', async () => {
  const wheel = new Wheel(systemClock, 50)
  const settings = { slowConsumerMs: 60_000 } as never
  const unread = new UnreadAnswers({ wheel, clock: systemClock, settings, log: null }, body.length * 2.5)
  const open = new Set<number>()
  let asked = 0
  const server = createServer((_, response) => {
    const number = asked++
    open.add(number)
    response.on('close', () => open.delete(number))
    response.end(body)
    unread.watch(response)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => {
    wheel.close()
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const askers = []
  for (let number = 0; number < 5; number++) {
    askers.push(await asker(port))
    await expect.poll(() => asked).toBe(number + 1)
  }
  await expect.poll(() => [...open]).toEqual([3, 4])
  // What was read makes room.
  expect(await askers[3]?.rest()).toBeGreaterThan(body.length)
  await asker(port)
  await expect.poll(() => [...open]).toEqual([4, 5])
})
