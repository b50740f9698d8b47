import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

// Inside the package, where `tidings` means the package itself.
const folder = resolve('.cache', `readme-${process.pid}`)
const data = mkdtempSync(join(tmpdir(), 'tidings-readme-'))
const readme = readFileSync('README.md', 'utf8')

/** The blocks of one program, in their order. */
const program = (name: string): string =>
  [...readme.matchAll(/```tsx? (\w+)\n([\s\S]*?)```/g)]
    .filter(([, of]) => of === name)
    .map(([, , code]) => code)
    .join('\n')

/** What the README calls your own. */
const app = `
import { createClient } from 'tidings/client'
export const pages = ['a', 'b', 'c']
export const crawl = async (page: string): Promise<void> => void page
export const readSession = async (request: Request) => (request.headers.has('cookie') ? { userId: '7', roles: ['ADMIN'] } : null)
export const getToken = async ({ refresh }: { refresh: boolean }): Promise<string> => String(refresh)
export const jobId = 'job-1'
export const bar = { value: 0 }
export const toast = (title: string): void => void title
export const refresh = (rows: number): void => void rows
export const tidings = createClient({ url: '/tidings' })
export const App = () => null
export const Failed = ({ error }: { error: { message: string } | undefined }) => error?.message
`

/** Reads back what the README's server did, and ends it. */
const ending = `
const types: string[] = []
for await (const event of hub.subscribe(['user:7', 'role:ADMIN', 'report:9', \`job:\${job.id}\`], { since: 'start' })) {
  types.push(event.type)
  if (event.type === 'job.completed') break
}
const finished = await hub.jobs.snapshot(job.id)
console.log(JSON.stringify({ types, counters: finished?.counters, percent: finished?.percent, result: finished?.result }))
await hub.close({ drainMs: 0 })
process.exit(0)
`

beforeAll(() => {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'app.ts'), app)
  writeFileSync(join(folder, 'server.ts'), program('server').replace('.listen(3000)', '.listen(0)') + ending)
  for (const name of ['worker', 'browser']) writeFileSync(join(folder, `${name}.ts`), program(name))
  writeFileSync(join(folder, 'react.tsx'), program('react'))
  const compilerOptions = {
    rootDir: '.',
    outDir: 'out',
    declaration: false,
    sourceMap: false,
    declarationMap: false,
    noUnusedLocals: false,
  }
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      extends: '../../tsconfig.json',
      compilerOptions,
      include: ['*.ts', '*.tsx'],
    }),
  )
})

afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
  rmSync(data, { recursive: true, force: true })
})

describe('README.md', () => {
  test('every block of TypeScript belongs to a program and compiles', () => {
    expect(readme.match(/```tsx?\n/g)).toBeNull()
    for (const name of ['server', 'worker', 'browser', 'react']) expect(program(name)).toContain('import')
    const { stdout, status } = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', folder], {
      encoding: 'utf8',
    })
    expect(stdout).toBe('')
    expect(status).toBe(0)
  })

  test('its server runs and does what the text says', () => {
    const { stdout, stderr, status } = spawnSync(process.execPath, [join(folder, 'out', 'server.js')], {
      cwd: data,
      encoding: 'utf8',
      timeout: 60_000,
    })
    expect(stderr).toBe('')
    expect(status).toBe(0)
    const { types, ...job } = JSON.parse(stdout)
    expect(types.slice(0, 3)).toEqual(['notification', 'system.alert', 'report.updated'])
    expect(types.at(-1)).toBe('job.completed')
    expect(job).toMatchObject({ counters: { processed: 3 }, percent: 100, result: { pages: 3 } })
    expect(readdirSync(join(data, 'data'))).toContain('tidings.db')
  })

  test('the commands it names exist', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'))
    for (const [, name] of readme.matchAll(/npm (?:run )?(start|test|build)\b/g))
      expect(scripts).toHaveProperty(name as string)
  })
})
