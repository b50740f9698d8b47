import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { gzipped } from './gzipped.js'

const limitBytes = 6_000
const client = fileURLToPath(import.meta.resolve('#src/client/index.js'))

const use = `import { createClient } from ${JSON.stringify(client)}\nglobalThis.tidings = createClient({ url: '/tidings' })`

test('C9: a page pays at most 6 kB for a client with a live stream, in one file; polls, refusals, history, views of jobs, tabs and diagnostics load when used', async () => {
  const { sizes, files } = await gzipped(use)
  console.log('gzip bytes', sizes)
  expect(sizes.entry).toBeLessThanOrEqual(limitBytes)
  expect(files).toBe(1)
  expect(Object.keys(sizes).sort()).toEqual([
    'diagnostics',
    'entry',
    'history',
    'jobs',
    'poll',
    'refusal',
    'setup',
    'tabs',
  ])
})

test('C9: more in the entry would be seen: the table of errors alone', async () => {
  const errors = fileURLToPath(import.meta.resolve('#src/errors.js'))
  const [less, more] = [
    await gzipped(use),
    await gzipped(use, `import { TidingsError } from ${JSON.stringify(errors)}`, 'globalThis.more = TidingsError'),
  ]
  expect(more.sizes.entry).toBeGreaterThan((less.sizes.entry as number) + 500)
})
