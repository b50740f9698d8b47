import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'

/** Runs vitest with a given Node and returns what it counted. A run that gave no result counts as one failure. */
export function runVitest({ node = process.execPath, folders = [], environment = {} }) {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-test-'))
  const report = join(folder, 'report.json')
  const args = ['node_modules/vitest/vitest.mjs', 'run', ...folders]
  const { status } = spawnSync(
    node,
    [...args, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
    {
      stdio: ['ignore', 'inherit', 'inherit'],
      // Programs that tests start by name (npx, node) shall meet the same Node.
      env: { ...process.env, ...environment, PATH: `${dirname(node)}${delimiter}${process.env.PATH}` },
    },
  )
  const counted = count(report)
  rmSync(folder, { recursive: true, force: true })
  if (counted === null || (status !== 0 && counted.failed === 0)) {
    return {
      passed: counted?.passed ?? 0,
      failed: 1,
      skipped: counted?.skipped ?? [],
      failures: [
        counted
          ? `vitest ended with ${status} though its tests passed: an error outside of them, or a worker that ended`
          : `vitest ended with ${status} and gave no result`,
      ],
    }
  }
  return counted
}

function count(report) {
  let files
  try {
    files = JSON.parse(readFileSync(report, 'utf8')).testResults
  } catch {
    return null
  }
  const tests = files.flatMap(({ assertionResults }) => assertionResults)
  if (tests.length === 0) return null
  // A file that fails to load, or a hook that throws, leaves no failed test behind.
  const broken = files.filter((file) => file.status === 'failed' && !file.assertionResults.some(isFailed))
  const failures = [
    ...broken.map(({ name, message }) => `${name}: ${firstLines(message)}`),
    ...tests.filter(isFailed).map(({ fullName, failureMessages }) => `${fullName}: ${firstLines(failureMessages[0])}`),
  ]
  return {
    passed: tests.filter(({ status }) => status === 'passed').length,
    failed: failures.length,
    failures,
    skipped: tests.filter(({ status }) => status !== 'passed' && status !== 'failed').map(({ fullName }) => fullName),
  }
}

const isFailed = ({ status }) => status === 'failed'
// As vitest tells them an error and its stack come as one text.
const firstLines = (message = '') => message.split('\n').slice(0, 6).join('\n    ')
