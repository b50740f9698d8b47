// Builds the library with the page of its dashboard, then what stands on it: the examples.
import { spawnSync } from 'node:child_process'

const run = (command, ...args) => {
  const { status } = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] })
  if (status !== 0) process.exit(status ?? 1)
}

run(process.execPath, 'node_modules/typescript/bin/tsc', '-p', '.')
run(
  process.execPath,
  'node_modules/vite/bin/vite.js',
  'build',
  '--config',
  'src/dashboard/page/vite.config.ts',
  '--logLevel',
  'warn',
)
if (!process.argv.includes('--library')) run('npm', 'run', 'build', '--workspaces', '--if-present')
