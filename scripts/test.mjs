// The whole test of the project: `npm test`, and with `--full` what takes long. Its last line is the sum.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { installPrograms } from './programs.mjs'
import { installRuntimes } from './runtimes.mjs'
import { runVitest } from './run-vitest.mjs'
import { secondNode } from './second-node.mjs'

const full = process.argv.includes('--full')
const inCi = process.env.CI === 'true'
const total = { passed: 0, failed: 0, skipped: 0 }
const failures = []

const missing = [...installPrograms(), ...installRuntimes()]
const environment = full ? { TIDINGS_FULL: '1' } : {}

if (spawnSync('npm', ['run', 'build'], { stdio: ['ignore', 'inherit', 'inherit'] }).status === 0) {
  add(`Node ${process.versions.node}`, runVitest({ environment }))
  // What a user's server runs; the rest (browser, packaging, examples) does not depend on the version of Node.
  const folders = ['store', 'hub', 'jobs', 'http', 'client', 'protocol'].map((name) => `test/${name}/`)
  const major = process.versions.node.startsWith('24.') ? 20 : 24
  const node = secondNode(major)
  const present = folders.filter((folder) => existsSync(folder))
  if (node) add(`Node ${major}`, runVitest({ node, folders: present, environment }))
  else add(`Node ${major} (not installed)`, { passed: 0, failed: 1, skipped: [] })
} else {
  add('build', { passed: 0, failed: 1, skipped: [] })
}

// Once more at the end, where a log that was cut off in front still has them.
for (const failure of failures) console.log(`failed: ${failure}`)
if (missing.length > 0) console.log(`Not installed here: ${missing.join(', ')}`)
const { passed, failed, skipped } = total
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
process.exit(failed > 0 || passed === 0 ? 1 : 0)

function add(run, { passed, failed, skipped, failures: newFailures = [] }) {
  failures.push(...newFailures.map((failure) => `${run}: ${failure}`))
  // On a build machine a test that did not run for want of a program has not passed.
  const lacking = inCi && missing.length > 0
  for (const name of skipped) console.log(`${lacking ? 'failed for want of a program' : 'skipped'}: ${name}`)
  console.log(`${run}: ${passed} passed, ${failed} failed, ${skipped.length} skipped`)
  total.passed += passed
  total.failed += failed + (lacking ? skipped.length : 0)
  total.skipped += lacking ? 0 : skipped.length
}
