import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { blockOf } from './blocks.js'

/** What the page calls your own. */
const app = `
export const readSession = () => null
export const mayReadReport = async (userId: string | undefined, topic: string) => topic === 'report:' + userId
`

test('A3, A5: the program of docs/concepts/rights.md compiles and runs', () => {
  const folder = resolve('.cache', `rights-${process.pid}`)
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'app.ts'), app)
  writeFileSync(join(folder, 'rights.ts'), blockOf('docs/concepts/rights.md', 'rights.ts'))
  const compilerOptions = { rootDir: '.', outDir: 'out', declaration: false, sourceMap: false, declarationMap: false }
  const project = { extends: '../../tsconfig.json', compilerOptions, include: ['*.ts'] }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(project))
  const node = (...args: string[]) => spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 })
  expect(node(resolve('node_modules/typescript/bin/tsc'), '-p', folder)).toMatchObject({ stdout: '', status: 0 })
  expect(node(join(folder, 'out', 'rights.js'))).toMatchObject({ status: 0, stderr: '' })
})
