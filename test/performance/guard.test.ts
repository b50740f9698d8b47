import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { median } from '../../bench/runner/figures.mjs'
import { cpuSeconds, type Program } from '../../bench/runner/program.mjs'
import { serverTable, type Target } from '../../bench/runner/servers.mjs'

/** CPU of the server alone, as a ratio to bare `node:http` in the same run: what is slower than these has lost something whole. */
const table = serverTable({ limitBinary: '' })
const rounds = 3
const streams = 150

async function start(target: Target): Promise<{ server: Program; port: number }> {
  const server = target.start(0)
  onTestFinished(() => server.end())
  return { server, port: Number((await server.line()).split(' ')[1]) }
}

/** Opens streams and counts the marks that come. */
async function read(target: Target, port: number) {
  let marks = 0
  let begun = 0
  let wake = (): void => {}
  const until = async (isEnough: () => boolean): Promise<void> => {
    while (!isEnough()) {
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  const sockets: Socket[] = []
  onTestFinished(() => sockets.forEach((socket) => socket.destroy()))
  for (let number = 0; number < streams; number++) {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    sockets.push(socket)
    const head = [`GET ${target.path.replace('%d', '0')} HTTP/1.1`, 'Host: localhost', 'Accept: text/event-stream']
    socket.write(`${[...head, ...target.headers].join('\r\n')}\r\n\r\n`)
    socket.once('data', () => begun++)
    socket.on('data', (bytes: Buffer) => {
      for (let at = bytes.indexOf('@@'); at !== -1; at = bytes.indexOf('@@', at + 2)) marks++
      wake()
    })
  }
  await until(() => begun === streams)
  return {
    /** CPU µs of the server for one delivery. */
    async cost(server: Program, events: number, burst: number): Promise<number> {
      const [from, before] = [marks, cpuSeconds(server.pid)]
      await server.ask(`publish ${events} ${burst} 1 1`)
      // Each event has two; one that is cut in two is not counted, which is rare and the same for both.
      const wanted = 2 * events * streams
      await Promise.race([until(() => marks - from >= wanted * 0.99), new Promise((next) => setTimeout(next, 60_000))])
      expect(marks - from).toBeGreaterThan(wanted * 0.98)
      return ((cpuSeconds(server.pid) - before) * 1e6) / (events * streams)
    },
  }
}

async function post({ path, headers, body }: Target, port: number, total: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 })
  const [, authorization] = headers[0]?.split(': ') ?? []
  const options = {
    port,
    host: '127.0.0.1',
    path: path.split('?')[0] as string,
    method: 'POST',
    agent,
    headers: { 'content-type': 'application/json', ...(authorization && { authorization }) },
  }
  let left = total
  const loop = async (): Promise<void> => {
    while (left-- > 0) {
      const asked = request(options).end(body)
      const [answer] = await once(asked, 'response')
      expect(answer.statusCode).toBe(201)
      answer.resume()
      await once(answer, 'end')
    }
  }
  await Promise.all(Array.from({ length: 8 }, loop))
  agent.destroy()
}

/** How many times the control's CPU the hub takes: of alternating rounds the median. */
async function ratio(measure: (target: Target) => Promise<number>): Promise<number> {
  const ratios: number[] = []
  for (let round = 0; round < rounds; round++) {
    const control = await measure(table['bare Node'] as Target)
    ratios.push((await measure(table.tidings as Target)) / control)
  }
  const middle = median(ratios).median
  console.log(
    `${middle.toFixed(2)} times the CPU of bare node:http (${ratios.map((one) => one.toFixed(2)).join(', ')})`,
  )
  return middle
}

async function delivering(target: Target, events: number, burst: number): Promise<number> {
  const { server, port } = await start(target)
  const readers = await read(target, port)
  await readers.cost(server, events / 4, burst)
  const cost = await readers.cost(server, events, burst)
  await server.end()
  return cost
}

describe('§11: a guard against losing the fast path', { timeout: 300_000 }, () => {
  test('single events cost at most 4 times what bare node:http takes', async () => {
    expect(await ratio((target) => delivering(target, 240, 1))).toBeLessThan(4)
  })

  test('bursts of 16 leave in one write for each reader: at most 6 times', async () => {
    expect(await ratio((target) => delivering(target, 1_920, 16))).toBeLessThan(6)
  })

  test('a POST with all that is checked costs at most 8 times a POST with nothing', async () => {
    const cost = async (target: Target): Promise<number> => {
      const { server, port } = await start(target)
      await post(target, port, 500)
      const before = cpuSeconds(server.pid)
      await post(target, port, 2_500)
      const cpu = cpuSeconds(server.pid) - before
      await server.end()
      return cpu
    }
    expect(await ratio(cost)).toBeLessThan(8)
  })
})
