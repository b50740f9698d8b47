import { createServer } from 'node:http'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import type { LoadReport } from '#src/cli/bench/load.js'
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
  expect(sent).toBeGreaterThan(60)
  expect(sent).toBeLessThanOrEqual(101)
  expect(report.deliveries).toMatchObject({ expected: sent * 30, received: sent * 30, lost: 0, repeated: 0 })
  for (const times of [report.connectMs, report.publishMs, report.latencyMs]) {
    expect(times?.p50).toBeGreaterThan(0)
    expect(times?.p99).toBeGreaterThanOrEqual(times?.p50 as number)
  }
}, 30_000)

test('O5: what a hub refuses is told by limit, and ends with 1', async () => {
  const url = await hub('--max-connections', 'user=30')
  const { code, lines } = await run(['bench', url, '--streams', '50', '--duration', '1'], environment)
  expect(code).toBe(1)
  expect(lines.join('\n')).toContain('streams    30 of 50 open')
  expect(lines.join('\n')).toContain('20 refused: 429 rate_limited (connections.user)')
}, 30_000)

test('O5: events that are lost, repeated or cut off are counted', async () => {
  // A hub of sorts: the first reader hears everything twice, the second only each other event, the third is cut.
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
      const block = `event: tidings.bench\ndata: {"data":${JSON.stringify(data)}}\n\n`
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
  expect(deliveries).toMatchObject({ expected: sent * 3, repeated: sent, lost: sent * 3 - sent - Math.ceil(sent / 2) })
}, 30_000)

test('O5: a hub on another machine is not loaded unless it is said', async () => {
  const refused = await run(['bench', 'https://hub.example.com', '--token', 'x'])
  expect([refused.code, refused.errors]).toEqual([2, expect.stringContaining('--remote')])
  expect(await run(['bench', 'http://127.0.0.1:1', '--streams', '20001'])).toMatchObject({ code: 2 })
})
