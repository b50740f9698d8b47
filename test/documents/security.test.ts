import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'SECURITY.md'), 'utf8')

interface Row {
  readonly threat: string
  readonly file: string
  readonly name: string
}

const rowsOf = (text: string): Row[] =>
  [...text.matchAll(/^\| (T\d+) \|.*\| `([^`]+)` "([^"]+)" \|$/gm)].map(([, threat = '', file = '', name = '']) => ({
    threat,
    file,
    name,
  }))

/** Rows whose test is nowhere: no such file, or none in it that is called so. */
const untested = (rows: readonly Row[]): Row[] =>
  rows.filter(({ file, name }) => {
    const path = join(root, file)
    if (!file.endsWith('.test.ts') || !existsSync(path)) return true
    // As the start of what the file calls a test: its title in quotes, behind `test(`, `test.each(…)(` or a line of its own.
    return !readFileSync(path, 'utf8').includes(`'${name}'`)
  })

test('every threat of the table names a test that there is', () => {
  const rows = rowsOf(page)
  expect(rows.map(({ threat }) => threat)).toEqual(Array.from({ length: 26 }, (_, n) => `T${n + 1}`))
  expect(untested(rows)).toEqual([])
})

test('a test that is gone is found, and one in a file that is gone', () => {
  const gone = [
    { threat: 'T1', file: 'test/documents/security.test.ts', name: ['no test', 'is called so'].join(' ') },
    { threat: 'T2', file: 'test/documents/nowhere.test.ts', name: 'x' },
    { threat: 'T3', file: 'src/index.ts', name: 'x' },
  ]
  expect(untested(gone)).toEqual(gone)
})
