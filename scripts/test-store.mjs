// The suite of the store contract on every store (S2). `npm run test:store -- --redis <url>` runs it, and the random model,
// on the Redis or Valkey at that address too, or any server that speaks its language: under prefixes of its own, which are
// removed at the end. A password in the address is not shown.
import { spawnSync } from 'node:child_process'

const args = process.argv.slice(2)
const at = args.indexOf('--redis')
let environment = process.env
let what = args
if (at >= 0) {
  const url = args[at + 1]
  if (!url || !/^(rediss?:\/\/|unix:)/.test(url)) {
    console.error('--redis takes an address: redis://, rediss:// or unix:.')
    process.exit(1)
  }
  environment = { ...process.env, TIDINGS_TEST_REDIS: url }
  what = ['test/store/contract.test.ts', 'test/store/model.test.ts', ...args.toSpliced(at, 2)]
} else if (what.length === 0) {
  what = ['test/store/']
}

run(['scripts/build.mjs', '--library'])
run(['node_modules/vitest/vitest.mjs', 'run', ...what])

function run(command) {
  const { status } = spawnSync(process.execPath, command, { stdio: ['ignore', 'inherit', 'inherit'], env: environment })
  if (status !== 0) process.exit(status ?? 1)
}
