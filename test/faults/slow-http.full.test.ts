import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { readStream } from '../fixtures/stream.js'
import { serve } from '../cli/program.js'

const program = '/usr/bin/slowhttptest'
/** With `CI=true` a missing program is a failure. */
const missing = !existsSync(program) && process.env['CI'] !== 'true'
const run = promisify(execFile)

/** A short version with sockets of its own stands in test/cli/listener.test.ts. */
describe.skipIf(missing)('T7: slowhttptest against tidings serve', () => {
  test.each([
    ['heads that never end (slow-loris)', ['-H', '-i', '1'], '/health', true],
    [
      'bodies that never end',
      ['-B', '-i', '1', '-s', '4096', '-x', '10', '-f', 'application/json'],
      '/events?userId=8',
      true,
    ],
    [
      'streams read a few bytes at a time',
      ['-X', '-w', '10', '-y', '20', '-n', '1', '-z', '8'],
      '/events?topic=user:7&userId=7&since=start',
      false,
    ],
  ] as const)(
    'T7: %s: who is served stays served, and in time',
    { timeout: 60_000 },
    async (_what, flags, path, cut) => {
      const serving = await serve([
        ...['--dev', '--port', '0', '--store', 'memory', '--log-level', 'error'],
        ...['--headers-timeout-ms', '3000', '--request-timeout-ms', '5000', '--max-connections', 'user=none'],
      ])
      onTestFinished(async () => void (await serving.program.kill()))
      const { url } = serving
      const publish = async (data: number, at: number) => {
        const response = await fetch(`${url}/events?userId=7`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ topic: 'user:7', type: 'n', data: { data, at, filler: 'x'.repeat(2_000) } }),
        })
        await response.arrayBuffer()
        return response.status
      }
      const stream = await readStream(url, { topics: ['user:7'], as: { userId: '7' } })
      onTestFinished(() => stream.close())
      await stream.control('hello')
      let over = false
      const attack = run(program, ['-c', '500', '-r', '250', '-l', '12', '-p', '2', ...flags, '-u', url + path], {
        maxBuffer: 10_000_000,
      }).finally(() => {
        over = true
      })
      const lateMs: number[] = []
      let published = 0
      while (!over) {
        const at = performance.now()
        expect(await publish(published++, at)).toBe(201)
        const { data } = (await stream.next()) as { data: { data: number } }
        expect(data.data).toBe(published - 1)
        lateMs.push(performance.now() - at)
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      const { stdout } = await attack
      lateMs.sort((a, b) => a - b)
      const most = lateMs.at(-1) as number
      console.log(
        `${path}: ${published} published, median ${lateMs[published >> 1]?.toFixed(1)} ms, most ${most.toFixed(0)} ms`,
      )
      expect(stdout).not.toMatch(/service available:\S*\s+NO/)
      if (cut) expect(stdout).toContain('No open connections left')
      expect(published).toBeGreaterThan(20)
      expect(most).toBeLessThan(2_000)
      expect((await fetch(`${url}/health`)).status).toBe(200)
    },
  )
})
