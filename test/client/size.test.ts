import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'vite'
import { expect, onTestFinished, test } from 'vitest'

const limitBytes = 6_000
const client = fileURLToPath(import.meta.resolve('#src/client/index.js'))

/** What a page pays for one file with these lines: bundled by vite, minified, `gzip -9`. */
async function gzipped(...lines: string[]): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'tidings-size-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const input = join(folder, 'page.js')
  await writeFile(input, lines.join('\n'))
  const result = await build({
    root: folder,
    configFile: false,
    logLevel: 'error',
    build: { write: false, minify: true, modulePreload: false, rollupOptions: { input } },
  })
  if (Array.isArray(result) || !('output' in result)) throw new Error('expected one output')
  const [chunk, ...others] = result.output
  expect(others).toEqual([])
  return gzipSync(chunk.code, { level: 9 }).length
}

test('C9: a page that uses the client pays at most 6 kB for it', async () => {
  const use = `import { createClient } from ${JSON.stringify(client)}\nglobalThis.tidings = createClient({ url: '/tidings' })`
  const bytes = await gzipped(use)
  expect(bytes).toBeLessThanOrEqual(limitBytes)
  // It is the client that was measured, and more of it would be seen: the table of errors alone breaks the limit.
  expect(bytes).toBeGreaterThan(4_000)
  const errors = fileURLToPath(import.meta.resolve('#src/errors.js'))
  const more = await gzipped(
    use,
    `import { TidingsError } from ${JSON.stringify(errors)}`,
    'globalThis.more = TidingsError',
  )
  expect(more).toBeGreaterThan(limitBytes)
})
