import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { readStream } from '../fixtures/stream.js'
import { serve } from './program.js'

/** What would begin a line, colour a terminal or end a string, if it got there as it is. */
const nasty = '\r\n{"level":30,"msg":"forged"}\r\n\u001b[31mred\u001b[0m"\u2028'

test('T19: what strangers send begins no line of the log', async () => {
  const { program, url } = await serve(['--dev', '--port', '0', '--store', 'memory', '--log-level', 'debug'])
  onTestFinished(async () => void (await program.kill()))
  const escaped = encodeURIComponent(nasty)
  for (const path of [
    `/${escaped}`,
    `/events?topic=${escaped}`,
    `/events?topic=user:7&userId=${escaped}`,
    `/events?topic=user:7&userId=7&name=${escaped}`,
    `/jobs/${escaped}?userId=7`,
  ])
    await (
      await fetch(url + path, { headers: { accept: 'application/json', 'user-agent': 'x\u00e9"\\' } })
    ).arrayBuffer()
  const named = await readStream(url, { topics: ['user:7'], as: { userId: '7' }, query: { name: nasty } }).catch(
    () => null,
  )
  await named?.close()
  await fetch(`${url}/events?userId=7`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ topic: 'user:7', type: 'n', source: nasty, data: nasty }),
  })
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.end(`GET /${nasty} HTTP/1.1\r\nHost: ${nasty}\r\nUser-Agent: \u001b[31m\r\n\r\n`)
  socket.on('error', () => {})
  socket.resume()
  await once(socket, 'close')
  program.signal('SIGTERM')
  await program.ended()
  const lines = program.errors.split('\n').filter((line) => line !== '')
  expect(lines.length).toBeGreaterThan(1)
  for (const line of lines) {
    expect(JSON.parse(line)).toMatchObject({ level: expect.anything() })
    expect((JSON.parse(line) as { msg?: string }).msg).not.toBe('forged')
    // oxlint-disable-next-line no-control-regex
    expect(line).not.toMatch(/[\u0000-\u001f\u007f]/)
  }
})
