import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { blocksOf } from './blocks.js'
import { complaintsOf } from './compile.js'

test('O7: the tests of docs/guides/testing.md compile and pass', () => {
  const blocks = blocksOf('docs/guides/testing.md')
  expect(blocks.map(({ name }) => name)).toEqual([
    'events.test.ts',
    'time.test.ts',
    'client.test.ts',
    'network.test.ts',
    'store.test.ts',
  ])
  expect(complaintsOf(Object.fromEntries(blocks.map(({ name, text }) => [name.replace('.ts', ''), text])))).toEqual([])

  const folder = resolve('.cache', `testing-guide-${process.pid}`)
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(folder, { recursive: true })
  for (const { name, text } of blocks) writeFileSync(join(folder, name), text)
  // A configuration of its own: the one of this suite would look for `test/`.
  writeFileSync(join(folder, 'vitest.config.js'), 'export default {}\n')
  const args = [resolve('node_modules/vitest/vitest.mjs'), 'run', '--root', folder, '--reporter', 'json']
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', timeout: 80_000 })
  if (!stdout.includes('{')) throw new Error(stderr)
  const report = JSON.parse(stdout.slice(stdout.indexOf('{')))
  expect({ failed: report.numFailedTests, suites: report.numFailedTestSuites }).toEqual({ failed: 0, suites: 0 })
  expect(report.numPassedTests).toBeGreaterThan(40)
})
