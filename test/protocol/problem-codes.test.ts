import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { isErrorCode, TidingsError } from '#src/errors.js'

const root = join(import.meta.dirname, '..', '..')
const protocol = readFileSync(join(root, 'PROTOCOL.md'), 'utf8')

test('[P12.4] the table of codes is the one in the code: same codes, same statuses, same "again?"', () => {
  const rows = [...protocol.matchAll(/^\| `(\w+)` \| (\d{3}) \| (yes|no) \|/gm)]
  for (const [, code, status, again] of rows) {
    if (!isErrorCode(code)) throw new Error(`${code} is no code`)
    const error = new TidingsError(code, '')
    expect([code, error.status, error.retryable]).toEqual([code, Number(status), again === 'yes'])
  }
  const inCode = [...readFileSync(join(root, 'src/errors.ts'), 'utf8').matchAll(/^ {2}(\w+): \{ status/gm)].map(
    ([, code]) => code,
  )
  expect(rows.map(([, code]) => code).toSorted()).toEqual(inCode.toSorted())
})
