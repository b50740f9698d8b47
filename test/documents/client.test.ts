import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { backoffFromMs, backoffToMs } from '#src/protocol/defaults.js'
import { blockOf } from './blocks.js'
import { complaintsOf } from './compile.js'

const guide = 'docs/guides/client.md'
const text = readFileSync(join(import.meta.dirname, '../..', guide), 'utf8')
const source = (name: string): string => readFileSync(join(import.meta.dirname, '../../src/client', name), 'utf8')

test('C1: what the guide of the client writes compiles as it stands', () => {
  const names = ['client', 'history', 'errors', 'resume']
  expect(complaintsOf(Object.fromEntries(names.map((name) => [name, blockOf(guide, name)])))).toEqual([])
})

test('C5: the guide has a row for each kind of error, and for no other', () => {
  const kinds = [...(source('error.ts').split('export type ErrorKind')[1] ?? '').matchAll(/^ {2}\| '(\w+)'/gm)]
  const rows = [...(text.split('## Errors')[1]?.split('## Tabs')[0] ?? '').matchAll(/^\| `(\w+)` \|/gm)].slice(1)
  expect(rows.map(([, kind]) => kind).sort()).toEqual(kinds.map(([, kind]) => kind).sort())
})

test('C2: the pauses of the guide are the defaults in the code', () => {
  expect(text).toContain(`a random part of ${backoffFromMs / 1_000} s, then 2, 4, 8, 16 and ${backoffToMs / 1_000} s`)
})
