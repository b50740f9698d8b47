import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'vite'
import { expect, onTestFinished, test } from 'vitest'

const limitBytes = 6_000
const client = fileURLToPath(import.meta.resolve('#src/client/index.js'))

/**
 * What a page pays for a file with these lines, bundled by vite, minified, `gzip -9`: `entry` at once, and each part that
 * loads when it is used, by its name. What a part shares with another counts for both. Built as for a server, with the
 * target of browsers: that leaves out vite's own loader, which a page has once for all of its parts, and nothing else.
 */
async function gzipped(...lines: string[]): Promise<{ sizes: Record<string, number>; files: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'tidings-size-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const input = join(folder, 'page.js')
  await writeFile(input, lines.join('\n'))
  const result = await build({
    root: folder,
    configFile: false,
    logLevel: 'error',
    build: { write: false, minify: true, ssr: true, target: 'baseline-widely-available', rollupOptions: { input } },
  })
  if (Array.isArray(result) || !('output' in result)) throw new Error('expected one output')
  const chunks = new Map(result.output.flatMap((file) => (file.type === 'chunk' ? [[file.fileName, file]] : [])))
  const entry = result.output[0].fileName
  const weigh = (name: string, seen: Set<string>): number => {
    const chunk = chunks.get(name)
    if (!chunk || seen.has(name)) return 0
    seen.add(name)
    const own = gzipSync(chunk.code, { level: 9 }).length
    return chunk.imports.reduce((sum, each) => sum + weigh(each, seen), own)
  }
  const loaded = new Set<string>()
  const sizes: Record<string, number> = { entry: weigh(entry, loaded) }
  const files = loaded.size
  for (const chunk of chunks.values()) {
    if (chunk.isDynamicEntry) sizes[chunk.name] = weigh(chunk.fileName, new Set(loaded))
  }
  return { sizes, files }
}

const use = `import { createClient } from ${JSON.stringify(client)}\nglobalThis.tidings = createClient({ url: '/tidings' })`

test('C9: a page pays at most 6 kB for a client with a live stream, in one file; polls, views of jobs, tabs and diagnostics load when used', async () => {
  const { sizes, files } = await gzipped(use)
  console.log('gzip bytes', sizes)
  expect(sizes.entry).toBeLessThanOrEqual(limitBytes)
  expect(files).toBe(1)
  expect(Object.keys(sizes).sort()).toEqual(['diagnostics', 'entry', 'jobs', 'poll', 'setup', 'tabs'])
}, 30_000)

test('C9: more in the entry would be seen: the table of errors alone', async () => {
  const errors = fileURLToPath(import.meta.resolve('#src/errors.js'))
  const [less, more] = [
    await gzipped(use),
    await gzipped(use, `import { TidingsError } from ${JSON.stringify(errors)}`, 'globalThis.more = TidingsError'),
  ]
  expect(more.sizes.entry).toBeGreaterThan((less.sizes.entry as number) + 500)
}, 30_000)
