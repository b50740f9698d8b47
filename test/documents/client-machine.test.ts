import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const path = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url))

test('the table of the client’s transitions is what the code does', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [path('scripts/client-transitions.mjs'), '--print'])
  expect(await readFile(path('docs/reference/client-machine.md'), 'utf8')).toBe(stdout)
})
