import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const path = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url))

test.each(['settings', 'cli'])('H10, O5: docs/reference/%s.md is what the code does', async (name) => {
  const { stdout } = await promisify(execFile)(process.execPath, [path('scripts/cli-reference.mjs'), '--print', name])
  expect(await readFile(path(`docs/reference/${name}.md`), 'utf8')).toBe(stdout)
})
