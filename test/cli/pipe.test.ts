import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { freePorts } from '../fixtures/free-port.js'

const main = fileURLToPath(new URL('../../bin/tidings.js', import.meta.url))

/** A program whose reader has gone before it says a word. */
function unread(args: readonly string[]): { child: ReturnType<typeof spawn>; errors(): string } {
  const child = spawn(process.execPath, [main, ...args], {
    env: { PATH: process.env.PATH },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  child.stdout?.destroy()
  let errors = ''
  child.stderr?.on('data', (bytes) => (errors += bytes))
  return { child, errors: () => errors }
}

test.for([
  ['help', ['serve', '--help']],
  ['settings', ['serve', '--dev', '--print-config']],
  ['a token', ['token', '--user', '7', '--jwt-secret', 'a secret that only this test knows, long enough']],
] as const)('O5: %s piped into a reader that has gone is no failure to tell of', async ([, args]) => {
  const { child, errors } = unread(args)
  const [code] = (await once(child, 'close')) as [number | null]
  expect({ code, stack: /EPIPE|node:/.test(errors()) }).toEqual({ code: 0, stack: false })
})

test('O5: a hub goes on when whoever read its first line has gone', async () => {
  const [port] = await freePorts(1)
  const { child, errors } = unread(['serve', '--dev', '--store', 'memory', '--port', String(port)])
  await expect.poll(errors).toContain('"msg":"ready"')
  expect((await fetch(`http://127.0.0.1:${port}/ready`)).status).toBe(200)
  child.kill('SIGTERM')
  expect(await once(child, 'close')).toEqual([0, null])
})
