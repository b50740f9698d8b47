import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { LoadReport } from '#src/cli/bench/load.js'
import { makeProgram } from '#src/cli/program.js'
import { run, serve } from '../cli/program.js'
import { blockOf, replaced } from './blocks.js'

const page = 'docs/guides/cli.md'
const faults = 'docs/guides/troubleshooting.md'
const secret = 'a secret that only this test knows, long enough'

function folderForTest(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-cli-page-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** The words of each command of a block, as a shell would part them. */
function commandsOf(block: string): string[][] {
  const lines = block.replaceAll('\\\n', ' ').split('\n')
  return lines
    .filter((line) => line.startsWith('npx tidings '))
    .map((line) =>
      [...line.slice('npx tidings '.length).matchAll(/'([^']*)'|(\S+)/g)].map(
        ([, quoted, bare]) => quoted ?? (bare as string),
      ),
    )
}

test('O5: the commands of the guide do what it says', async () => {
  const folder = folderForTest()
  const [flags] = commandsOf(blockOf(page, 'serve')) as [string[]]
  const { program, url } = await serve([...flags.slice(1), '--port', '0'], {}, folder)
  onTestFinished(async () => void (await program.kill()))
  const commands = commandsOf(blockOf(page, 'speak'))
  expect(commands).toHaveLength(4)
  for (const command of commands)
    expect([command, (await run(command, { TIDINGS_URL: url })).code]).toEqual([command, 0])
  const [doctor] = commandsOf(blockOf(faults, 'doctor')) as [string[]]
  const examined = await run(
    doctor.map((word) => (word === 'http://127.0.0.1:4000' ? url : word === '30' ? '1' : word)),
  )
  expect([examined.code, examined.lines.at(-1)]).toEqual([0, expect.stringMatching(/^0 bad, 0 to mend/)])
})

test('A1: with the key of the guide a hub starts, and lets nobody in without a token', async () => {
  const folder = folderForTest()
  const lines = replaced(blockOf(page, 'secret'), {
    'npx tidings': `exec ${process.execPath} ${join(process.cwd(), 'bin/tidings.js')}`,
    'tidings.db': 'tidings.db --port 0',
  })
  const shell = spawn('sh', ['-ec', lines], { cwd: folder, env: { PATH: process.env.PATH } })
  onTestFinished(() => void shell.kill())
  const [said] = (await once(shell.stdout, 'data')) as [Buffer]
  const url = String(said).replace('tidings ready ', '').trim()
  expect((await fetch(`${url}/ready`)).status).toBe(200)
  expect((await fetch(`${url}/events?topic=user:7&userId=7`)).status).toBe(401)
})

test('H10: the file of the guide is one, and its settings are shown', async () => {
  const folder = folderForTest()
  writeFileSync(join(folder, 'tidings.config.ts'), blockOf(page, 'tidings.config.ts'))
  const [command] = commandsOf(blockOf(page, 'print')) as [string[]]
  const { code, lines } = await run(command, {}, folder)
  expect(code).toBe(0)
  expect(lines.join('\n')).toMatch(/^heartbeatMs +20000 {2}\(tidings\.config\.ts\)$/m)
  expect(commandsOf(blockOf(faults, 'config'))).toEqual(commandsOf(blockOf(page, 'print')))
})

test('O5: token, bench and explain, as the guides have them', async () => {
  const folder = folderForTest()
  const environment = { TIDINGS_JWT_SECRET: secret }
  const { program, url } = await serve(['--port', '0', '--store', 'memory'], environment, folder)
  onTestFinished(async () => void (await program.kill()))
  // With a shell, because the guide's line is one: npx finds the bin of this package.
  const line = blockOf(page, 'token').replaceAll(
    'npx tidings',
    `${process.execPath} ${join(process.cwd(), 'bin/tidings.js')}`,
  )
  const shell = spawnSync('sh', ['-ec', line], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, TIDINGS_URL: url, ...environment },
  })
  expect([shell.status, shell.stderr]).toEqual([0, ''])
  const { id } = JSON.parse(shell.stdout) as { id: string }

  const [bench] = commandsOf(blockOf(page, 'bench')) as [string[]]
  const loaded = await run([...bench.map((word) => (word.startsWith('http') ? url : word)), '--json'], environment)
  expect([loaded.code, (JSON.parse(loaded.lines.join()) as LoadReport).deliveries.lost]).toEqual([0, 0])

  const { lines } = await run(['token', '--user', 'ops', '--admin'], environment)
  const [explain] = commandsOf(blockOf(faults, 'explain')) as [string[]]
  const asked = explain.map((word) => (word.startsWith('019') ? id : word))
  const why = await run([...asked, '--topics', 'report:9'], { TIDINGS_URL: url, TIDINGS_TOKEN: lines[0] as string })
  expect([why.code, why.lines.join('\n')]).toEqual([0, expect.stringContaining('No connection of this user')])
})

test('O5: every command has help with examples and exit codes, and a version is told', async () => {
  const names = makeProgram().commands.flatMap((command) =>
    command.commands.length > 0 ? command.commands.map((one) => [command.name(), one.name()]) : [[command.name()]],
  )
  expect(names.length).toBeGreaterThan(12)
  for (const name of [['doctor'], ['job', 'watch']]) expect(names).toContainEqual(name)
  for (const name of names) {
    const { code, lines } = await run([...name, '--help'])
    const help = lines.join('\n')
    expect([name, code]).toEqual([name, 0])
    expect(help).toContain('Examples:\n  $ ')
    expect(help).toMatch(/Exit codes:\n {2}0 {2}done\n {2}1 .*\n {2}2 /)
    expect(help).not.toContain('\u001b')
  }
  expect((await run(['--version'])).lines).toEqual([expect.stringMatching(/^\d+\.\d+\.\d+/)])
  expect(await run(['paint'])).toMatchObject({ code: 2 })
})
