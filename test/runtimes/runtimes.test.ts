import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { createInterface } from 'node:readline'
import { describe, expect, onTestFinished, test } from 'vitest'
import { faultProxy } from '#src/testing/fault-proxy.js'
import { readStream } from '../fixtures/stream.js'
import { runtimeOf } from '../../scripts/runtimes.mjs'
import { startHub } from '../http/server.js'

const runtimes = [
  { name: 'Node', binary: process.execPath, args: [] },
  { name: 'Bun', binary: runtimeOf('bun'), args: ['run'] },
  {
    name: 'Deno',
    binary: runtimeOf('deno'),
    args: ['run', '--allow-all', '--node-modules-dir=manual', '--no-lock', '--quiet'],
  },
]

/** A program on one of them, line by line. */
class Program {
  readonly lines: string[] = []
  readonly #child: ChildProcess
  #heard: () => void = () => {}

  constructor(binary: string, args: readonly string[]) {
    this.#child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    const hear = (line: string): void => {
      this.lines.push(line)
      this.#heard()
    }
    for (const stream of [this.#child.stdout, this.#child.stderr]) createInterface({ input: stream! }).on('line', hear)
    // Once all that it said has been heard.
    this.#child.on('close', (code) => hear(`exit ${code}`))
    onTestFinished(() => void this.#child.kill('SIGKILL'))
  }

  async until(isThere: (line: string) => boolean): Promise<string> {
    for (;;) {
      const line = this.lines.find(isThere)
      if (line !== undefined) return line
      const last = this.lines.at(-1)
      if (last?.startsWith('exit')) throw new Error(this.lines.join('\n'))
      await new Promise<void>((resolve) => {
        this.#heard = resolve
      })
    }
  }
}

const own = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

for (const { name, binary, args } of runtimes) {
  describe.skipIf(binary === null)(`C1: ${name}`, () => {
    test.each(['sse', 'poll'])(
      `C2, D3: on ${name} a client by %s that is cut off gets all, once, in order`,
      async (transport) => {
        const { hub, port } = await startHub({ authenticate: undefined, development: true } as never)
        const proxy = await faultProxy({ port })
        onTestFinished(() => proxy.close())
        const program = new Program(binary as string, [...args, own('reader.mjs'), proxy.url, transport, '30'])
        await program.until((line) => line === `status ${transport === 'sse' ? 'connected' : 'polling'}`)
        for (let number = 1; number <= 30; number++) {
          await hub.publish({ to: { users: ['7'] }, type: 'number', data: number })
          if (number % 10 === 0 && number < 30) {
            await program.until((line) => line === `number ${number}`)
            proxy.cut()
          }
        }
        await program.until((line) => line.startsWith('exit'))
        const numbers = program.lines.filter((line) => line.startsWith('number'))
        expect(numbers).toEqual(Array.from({ length: 30 }, (_, index) => `number ${index + 1}`))
        // Between two polls there is nothing to cut.
        if (transport === 'sse') expect(program.lines).toContain('error connection')
        expect(program.lines.slice(-2)).toEqual(['status closed', 'exit 0'])
      },
    )

    if (name === 'Node') return
    test(`H6: the hub's fetch handler serves streams and publishes on ${name}`, async () => {
      const program = new Program(binary as string, [...args, own('hub.mjs')])
      const url = (await program.until((line) => line.startsWith('ready'))).slice('ready '.length)
      const reader = await readStream(url, { as: { userId: '7' }, topics: ['user:7'] })
      expect(reader.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
      const publish = (data: number): Promise<Response> =>
        fetch(`${url}/events?userId=7`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ to: { users: ['7'] }, type: 'number', data }),
        })
      for (let number = 1; number <= 20; number++) expect((await publish(number)).status).toBe(201)
      const events = await reader.until(({ data }) => data === 20)
      expect(events.map(({ data }) => data)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1))
      await reader.close()
      const again = await readStream(url, { as: { userId: '7' }, topics: ['user:7'], lastEventId: reader.lastEventId })
      await publish(21)
      expect((await again.next()).data).toBe(21)
      await again.close()
    })
  })
}
