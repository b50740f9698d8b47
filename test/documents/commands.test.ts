import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { run, serve } from '../cli/program.js'
import { freePorts } from '../fixtures/free-port.js'
import { blockOf, blocksOf } from './blocks.js'

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> }

/** Scripts of this package that a block starts. */
const scriptsIn = (text: string): string[] =>
  [...text.matchAll(/npm (?:run ([\w:-]+)|(start|test))/g)].map(([, named, usual]) => (named ?? usual) as string)

test('every script that people are told to run is one', () => {
  const blocks = [
    blockOf('README.md', 'start'),
    blockOf('README.md', 'test'),
    blockOf('CONTRIBUTING.md', 'commands'),
    blockOf('examples/docs-crawler/README.md', 'start'),
  ]
  for (const block of blocks) {
    expect(scriptsIn(block).length).toBeGreaterThan(0)
    for (const name of scriptsIn(block)) expect(scripts).toHaveProperty(name)
  }
  for (const [path] of blocks.join('\n').matchAll(/(?:test|\.ci)\/\w+/g))
    expect([path, existsSync(path)]).toEqual([path, true])
})

test('the tree of CONTRIBUTING.md is what there is', () => {
  const lines = blockOf('CONTRIBUTING.md', 'tree').trimEnd().split('\n')
  const paths = lines.flatMap((line) => {
    const inside = line.startsWith('  ') ? 'src/' : ''
    // Names stand before the gap; several may share a line.
    return (line.trim().split(/ {2,}/)[0] as string).split(' ').map((name) => inside + name)
  })
  expect(paths.length).toBeGreaterThan(20)
  expect(paths.filter((path) => !existsSync(path))).toEqual([])
})

test('the flags of the docs-crawler are ones it has', async () => {
  const page = 'examples/docs-crawler/README.md'
  const child = spawn(process.execPath, ['examples/docs-crawler/dist/server.js', '--help'])
  let help = ''
  child.stdout.on('data', (bytes) => (help += bytes))
  await once(child, 'close')
  const named = [...(blockOf(page, 'start') + blockOf(page, 'several')).matchAll(/ (--[a-z-]+) /g)].map(
    ([, flag]) => flag,
  )
  expect(named.length).toBeGreaterThan(4)
  for (const flag of named) expect(help).toContain(flag)
})

test('the commands of README.md do what it says, as they stand', async () => {
  const [port] = (await freePorts(1)) as [number]
  const [start = '', ...rest] = blockOf('README.md', 'hub').trimEnd().split('\n')
  expect(blockOf('README.md', 'see').trimEnd()).toBe(start)
  const flags = start.replace('npx tidings serve ', '').split(' ')
  const { program, url } = await serve([...flags, '--port', `${port}`, '--store', 'memory'])
  onTestFinished(async () => void (await program.kill()))
  await program.until(({ lines }) => lines.length > 1)
  expect(program.lines[1]).toContain('/dashboard#token=')
  const commands = rest.map((line) =>
    line
      .replace('npx tidings', `${process.execPath} ${resolve('bin/tidings.js')}`)
      .replace('127.0.0.1:4000', `127.0.0.1:${port}`),
  )
  const [tail, publish, curl] = commands as [string, string, string]
  const started = (command: string) => {
    const child = spawn('sh', ['-c', `exec ${command}`], { env: { PATH: process.env.PATH, TIDINGS_URL: url } })
    onTestFinished(() => void child.kill())
    const heard = { text: '', child }
    child.stdout.on('data', (bytes) => (heard.text += bytes))
    return heard
  }
  const readers = [started(tail), started(curl)]
  await expect.poll(() => readers[1]?.text).toContain('event: hello')
  const publishing = started(publish)
  await once(publishing.child, 'close')
  expect(publishing.text).toContain('"cursor"')
  for (const { text } of [0, 1].map((index) => ({ text: () => readers[index]?.text })))
    await expect.poll(text).toContain('Hello')
})

test('O5: what the reference of the commands shows uses flags that they have', async () => {
  const page = readFileSync('docs/reference/cli.md', 'utf8')
  const examples = blocksOf('docs/reference/cli.md').flatMap(({ text }) =>
    text.split('\n').filter((line) => /\btidings [a-z]/.test(line) && !line.startsWith('#')),
  )
  expect(examples.length).toBeGreaterThan(10)
  const settings = readFileSync('docs/reference/settings.md', 'utf8')
  for (const line of examples) {
    const words = / ?tidings ((?:job )?[a-z]+)/.exec(line)?.[1] as string
    const section = page.split(`## tidings ${words}\n`)[1]?.split('\n## ')[0] ?? ''
    expect([line, section]).not.toEqual([line, ''])
    for (const [flag] of line.split(' -- ')[0]?.matchAll(/--[a-z][a-z-]*/g) ?? [])
      expect([line, section.includes(flag) || (words === 'serve' && settings.includes(flag))]).toEqual([line, true])
  }
  expect((await run(['publish', 'a', 'b', '{}', '--unheard-of'])).code).toBe(2)
})
