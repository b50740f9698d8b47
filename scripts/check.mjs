// Type-checks all that is TypeScript: the library, the tests (against the built library) and the examples.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'

const projects = ['tsconfig.json', 'src/dashboard/page/tsconfig.json', 'test/tsconfig.json']
for (const example of existsSync('examples') ? readdirSync('examples') : []) {
  for (const part of ['', 'page/']) {
    const file = `examples/${example}/${part}tsconfig.json`
    if (existsSync(file)) projects.push(file)
  }
}

let failed = 0
for (const project of projects) {
  const args = ['node_modules/typescript/bin/tsc', '--noEmit', '-p', project]
  const { status } = spawnSync(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] })
  console.log(`${status === 0 ? 'ok' : 'failed'}: ${project}`)
  if (status !== 0) failed++
}
process.exit(failed > 0 ? 1 : 0)
