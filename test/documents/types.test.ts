import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { planEvents } from '#src/cli/events-file.js'
import { blockOf, blocksOf } from './blocks.js'

const page = 'docs/concepts/types.md'

/** What the page calls your own. */
const app = `
export const pages = ['one', 'two']
export const readSession = () => null
export const toast = (title: string): void => void title
export const refresh = (rows: number): void => void rows
`

/** Reads back what the page's server published, and ends it. */
const ending = `
for await (const event of hub.subscribe(['report:9', 'user:7', 'role:ADMIN'], { since: 'start' })) {
  console.log(event.type, JSON.stringify(event.data))
  if (event.type === 'system.alert') break
}
await hub.close()
`

test('E2, E3: the programs of docs/concepts/types.md compile and do what they say', () => {
  const folder = resolve('.cache', `types-${process.pid}`)
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'app.ts'), app)
  const blocks = blocksOf(page)
  expect(blocks.map(({ name }) => name)).toEqual(['events', 'server', 'browser', 'events.json', 'jobs', 'work'])
  for (const { name, text, language } of blocks)
    if (language === 'ts') writeFileSync(join(folder, `${name}.ts`), text + (name === 'server' ? ending : ''))
  const compilerOptions = { rootDir: '.', outDir: 'out', declaration: false, sourceMap: false, declarationMap: false }
  const project = { extends: '../../tsconfig.json', compilerOptions, include: ['*.ts'] }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(project))
  const node = (...args: string[]) => spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 })
  const compiled = node(resolve('node_modules/typescript/bin/tsc'), '-p', folder)
  expect(compiled.stdout).toBe('')
  expect(compiled.status).toBe(0)
  const server = node(join(folder, 'out', 'server.js'))
  expect(server).toMatchObject({ status: 0, stderr: '' })
  expect(server.stdout.trim().split('\n')).toEqual([
    'report.updated {"rows":120}',
    'notification {"title":"Report ready","level":"success","url":"/reports/9"}',
    'system.alert {"title":"Disk 95 % full","severity":"critical"}',
  ])
  expect(node(join(folder, 'out', 'work.js'))).toMatchObject({ status: 0, stderr: '', stdout: '2 6\n' })
})

test('E2: the file of docs/concepts/types.md declares events for a stand-alone hub', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-types-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'events.json')
  writeFileSync(file, blockOf(page, 'events.json'))
  const events = planEvents({ events: file })
  expect(() => events?.check('page.crawled', { url: '/', bytes: 12 })).not.toThrow()
  expect(() => events?.check('page.crawled', { url: '/', bytes: -1 })).toThrow('data.bytes')
  expect(() => events?.check('report.updated', { rows: 1.5 })).toThrow('data.rows')
})
