import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { readStream } from '../fixtures/stream.js'
import { run, serve } from './program.js'

const script = '/usr/bin/script'
/** With `CI=true` a missing program is a failure. */
const skipped = !existsSync(script) && process.env.CI !== 'true'
const main = fileURLToPath(new URL('../../bin/tidings.js', import.meta.url))
const secret = 'a secret that only this test knows, long enough'

/** The program at a terminal of its own (util-linux `script`): what a person sees of it, both streams together. */
class Terminal {
  seen = ''
  readonly #child: ChildProcess
  readonly #exit: Promise<number | null>

  constructor(args: readonly string[], environment: Record<string, string> = {}) {
    const command = [process.execPath, main, ...args].map((word) => `'${word}'`).join(' ')
    this.#child = spawn(script, ['-qefc', `exec ${command}`, '/dev/null'], {
      env: { PATH: process.env.PATH, TERM: 'xterm-256color', SHELL: '/bin/sh', ...environment },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.#child.stdout?.on('data', (bytes) => (this.seen += bytes))
    this.#exit = once(this.#child, 'close').then(([code]) => code)
    // What hangs up ends the program too, as the closing of a window does.
    onTestFinished(async () => {
      this.#child.kill('SIGTERM')
      await this.#exit
    })
  }

  async until(words: string | RegExp): Promise<void> {
    await expect.poll(() => this.seen).toMatch(words)
  }

  get code(): Promise<number | null> {
    return this.#exit
  }
}

const escape = '\u001b['
const serving = ['serve', '--dev', '--port', '0', '--store', 'memory']
const urlIn = (text: string): string => /tidings ready (\S+)/.exec(text)?.[1] as string

async function visit(url: string): Promise<void> {
  const reader = await readStream(url, { topics: ['user:7'], as: { userId: '7' } })
  await reader.control('hello')
  await run(['publish', 'user:7', 'n', '1'], { TIDINGS_URL: url, TIDINGS_USER: '7' })
  await reader.next()
  await reader.close()
}

describe.skipIf(skipped)('in a terminal', () => {
  test('O4: log lines are words and colours, without colours where NO_COLOR is set', async () => {
    const coloured = new Terminal(serving)
    const plain = new Terminal(serving, { NO_COLOR: '1' })
    for (const terminal of [coloured, plain]) {
      await terminal.until('tidings ready')
      await visit(urlIn(terminal.seen))
      await terminal.until('connection closed')
      expect(terminal.seen).toMatch(/\[\d\d:\d\d:\d\d\.\d{3}\].*INFO.*connection opened/)
      expect(terminal.seen).toMatch(/reason.*gone/)
      expect(terminal.seen).not.toContain('"level":')
    }
    expect(coloured.seen).toContain(escape)
    expect(plain.seen).not.toContain(escape)
  })

  test('O5: what takes long is a bar that is drawn over itself, and verdicts have colours', async () => {
    const { program, url } = await serve(['--port', '0', '--store', 'memory', '--log-level', 'silent'], {
      TIDINGS_JWT_SECRET: secret,
    })
    onTestFinished(async () => void (await program.kill()))
    const bench = ['bench', url, '--streams', '20', '--duration', '1']
    const { lines } = await run(['token', '--user', '7', '--publish', 'user:7'], { TIDINGS_JWT_SECRET: secret })
    const doctor = ['doctor', url, '--idle', '1']
    const known = { TIDINGS_TOKEN: lines[0] as string }

    const loaded = new Terminal(bench, { TIDINGS_JWT_SECRET: secret })
    expect(await loaded.code).toBe(0)
    for (const phase of ['connecting', 'publishing'])
      expect(loaded.seen).toMatch(new RegExp(`\r\u001b\\[2K${phase} +█+░* \\d+ %`))
    expect(loaded.seen).toContain('streams    20 of 20 open')

    const examined = new Terminal(doctor, known)
    expect(await examined.code).toBe(0)
    expect(examined.seen).toMatch(/\r\u001b\[2Kwatching a silent stream {2}[█░]{24}/)
    expect(examined.seen).toMatch(/\u001b\[32mok +\u001b\[39m/)

    const plain = new Terminal(doctor, { ...known, NO_COLOR: '1' })
    expect(await plain.code).toBe(0)
    expect(plain.seen).toMatch(/ok +A stream begins at once/)
    // oxlint-disable-next-line no-control-regex
    expect(plain.seen).not.toMatch(/\u001b\[\d+m/)
  })

  test('O5: a job that is watched is a bar, and ends with its exit code', async () => {
    const hub = await serve(['--dev', '--port', '0', '--store', 'memory', '--log-level', 'silent'])
    onTestFinished(async () => void (await hub.program.kill()))
    const environment = { TIDINGS_URL: hub.url, TIDINGS_USER: '7' }
    await run(['job', 'create', 'crawl', '--owner', 'user:7', '--id', 'c1', '--total', '10'], environment)
    const watching = new Terminal(['job', 'watch', 'c1'], environment)
    await watching.until('0 of 10')
    const act = async (path: string, body: object, method = 'POST'): Promise<void> => {
      const headers = { 'content-type': 'application/json' }
      await fetch(`${hub.url}/jobs/c1${path}?userId=7`, { method, headers, body: JSON.stringify(body) })
    }
    await act('', { increment: { processed: 5 } }, 'PATCH')
    await watching.until(/\r\u001b\[2K█{12}░{12} {2}50 %/)
    await act('/fail', { error: { code: 'x', message: 'Down.', retryable: false } })
    expect(await watching.code).toBe(1)
  })
})

test('O4: --log-level is the least that is told, and what no terminal shows is JSON', async () => {
  const told = new Map<string, Set<string>>()
  for (const level of ['debug', 'info', 'warn', 'silent']) {
    const { program, url } = await serve([...serving.slice(1), '--log-level', level])
    await visit(url)
    // Refused: a line at every level but the ones above it.
    await fetch(`${url}/stats`)
    program.signal('SIGTERM')
    expect(await program.ended()).toBe(0)
    const lines = program.errors.split('\n').filter((line) => line !== '')
    told.set(level, new Set(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)))
  }
  const isTold = (message: string): string[] =>
    [...told].filter(([, lines]) => lines.has(message)).map(([level]) => level)
  expect(isTold('event stored')).toEqual(['debug'])
  expect(isTold('connection opened')).toEqual(['debug', 'info'])
  expect(isTold('connection closed')).toEqual(['debug', 'info'])
  expect(told.get('silent')).toEqual(new Set())
})
