// Builds the library, then what stands on it: the examples.
import { spawnSync } from 'node:child_process'

const run = (command, ...args) => {
  const { status } = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] })
  if (status !== 0) process.exit(status ?? 1)
}

run(process.execPath, 'node_modules/typescript/bin/tsc', '-p', '.')
if (!process.argv.includes('--library')) run('npm', 'run', 'build', '--workspaces', '--if-present')
