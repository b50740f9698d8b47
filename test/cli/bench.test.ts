import { createServer } from 'node:http'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import type { LoadReport } from '#src/cli/bench/load.js'
import { Once, mostAhead } from '#src/cli/bench/once.js'
import { type Quantiles, Times } from '#src/cli/bench/times.js'
import { seededRandom } from '#src/testing/seeded-random.js'
import { run, serve } from './program.js'

const environment = { TIDINGS_JWT_SECRET: 'a secret that only this test knows, long enough' }

async function hub(...flags: string[]): Promise<string> {
  const { program, url } = await serve(
    ['--port', '0', '--store', 'memory', '--log-level', 'silent', ...flags],
    environment,
  )
  onTestFinished(async () => void (await program.kill()))
  return url
}

test('O5: bench opens streams, publishes at a rate, and finds every event once', async () => {
  const flags = ['--streams', '120', '--topics', '4', '--rate', '50', '--duration', '2', '--json']
  const { code, lines, errors } = await run(['bench', await hub(), ...flags], environment)
  expect([code, errors]).toEqual([0, ''])
  const report = JSON.parse(lines.join()) as LoadReport
  expect(report.streams).toEqual({ asked: 120, open: 120, refused: {}, cut: 0 })
  const { sent } = report.publishes
  // What it cannot send in time on a machine that stands still it does not send later.
  expect(sent).toBeGreaterThan(10)
  expect(sent).toBeLessThanOrEqual(101)
  expect(report.deliveries).toMatchObject({ expected: sent * 30, received: sent * 30, lost: 0, repeated: 0 })
  for (const times of [report.connectMs, report.publishMs, report.latencyMs]) {
    expect(times?.p50).toBeGreaterThan(0)
    expect(times?.p99).toBeGreaterThanOrEqual(times?.p50 as number)
  }
})

test('O5: what a hub refuses is told by limit, and ends with 1', async () => {
  const url = await hub('--max-connections', 'user=30')
  const { code, lines } = await run(['bench', url, '--streams', '50', '--duration', '1'], environment)
  expect(code).toBe(1)
  expect(lines.join('\n')).toContain('streams    30 of 50 open')
  expect(lines.join('\n')).toContain('20 refused: 429 rate_limited (connections.user)')
})

test('O5: events that are lost, repeated or cut off are counted', async () => {
  // A hub of sorts: the first reader hears everything twice, the second only each other event, the third is cut. What the first
  // hears has places in the log that fall.
  const readers: import('node:http').ServerResponse[] = []
  const server = createServer((request, response) => {
    if (request.method === 'GET') {
      readers.push(response)
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('event: hello\ndata: {}\n\n')
      return
    }
    let body = ''
    request.on('data', (bytes) => (body += bytes))
    request.on('end', () => {
      const { data } = JSON.parse(body) as { data: { bench: number } }
      const block = `id: e.${1_000 - data.bench}\nevent: tidings.bench\ndata: {"data":${JSON.stringify(data)}}\n\n`
      readers[0]?.write(block + block)
      if (data.bench % 2 === 0) readers[1]?.write(block)
      readers[2]?.end()
      response.writeHead(201).end('{}')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`
  const { code, lines } = await run([
    'bench',
    url,
    '--streams',
    '3',
    '--rate',
    '10',
    '--duration',
    '1',
    '--json',
    '--token',
    'x',
  ])
  const { publishes, deliveries, streams } = JSON.parse(lines.join()) as LoadReport
  const { sent } = publishes
  expect(code).toBe(1)
  expect(streams.cut).toBe(1)
  // Of the second, too; the first event of each is in order.
  expect(deliveries.disordered).toBe(sent - 1 + Math.ceil(sent / 2) - 1)
  expect(deliveries).toMatchObject({
    expected: sent * 3,
    repeated: sent,
    disordered: expect.any(Number),
    lost: sent * 3 - sent - Math.ceil(sent / 2),
  })
})

test('O5: a hub on another machine is not loaded unless it is said', async () => {
  const refused = await run(['bench', 'https://hub.example.com', '--token', 'x'])
  expect([refused.code, refused.errors]).toEqual([2, expect.stringContaining('--remote')])
  expect(await run(['bench', 'http://127.0.0.1:1', '--streams', '20001'])).toMatchObject({ code: 2 })
})

test('O5: durations are told to one in a hundred, the longest exactly, however many there are', () => {
  const times = new Times()
  expect(times.quantiles).toBeNull()
  for (let ms = 1; ms <= 20_000; ms++) times.add(ms / 10)
  const { p50, p99, max } = times.quantiles as Quantiles
  expect([times.count, max]).toEqual([20_000, 2_000])
  expect(Math.abs(p50 / 1_000 - 1)).toBeLessThan(0.015)
  expect(Math.abs(p99 / 1_980 - 1)).toBeLessThan(0.015)
  const none = new Times()
  none.add(0)
  expect(none.quantiles).toEqual({ p50: 0, p99: 0, max: 0 })
})

test('O5: a number that comes again is told, among any many and in any order they can have', () => {
  const random = seededRandom(7)
  const once = new Once()
  const had = new Set<number>()
  for (let lowest = 0, step = 0; step < 20_000; step++) {
    const number = lowest + Math.floor(random.fraction() * mostAhead)
    expect(once.take(number), `step ${step}: ${number}`).toBe(!had.has(number))
    had.add(number)
    while (had.has(lowest)) lowest++
    if (step % 1_000 === 999) expect(once.take(Math.max(0, lowest - 5_000))).toBe(false)
  }
  expect(once.take(1_000_000)).toBe(true)
  expect(once.take(1_000_000 - mostAhead)).toBe(false)
})
