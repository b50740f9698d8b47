// Builds the library, then what stands on it: the examples.
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync } from 'node:fs'

const run = (command, ...args) => {
  const { status } = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] })
  if (status !== 0) process.exit(status ?? 1)
}

run(process.execPath, 'node_modules/typescript/bin/tsc', '-p', '.')
// npm makes a program executable when it links it, which in a fresh clone is before it is built.
if (existsSync('dist/cli/main.js')) chmodSync('dist/cli/main.js', 0o755)
if (!process.argv.includes('--library')) run('npm', 'run', 'build', '--workspaces', '--if-present')
