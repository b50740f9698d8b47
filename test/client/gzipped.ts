import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'vite'
import { onTestFinished } from 'vitest'

/**
 * What a page pays for a file with these lines, bundled by vite, minified, `gzip -9`: `entry` at once, and each part that
 * loads when it is used, by its name. What a part shares with another counts for both. Built as for a server, with the
 * target of browsers: that leaves out vite's own loader, which a page has once for all of its parts, and React.
 */
export async function gzipped(...lines: string[]): Promise<{ sizes: Record<string, number>; files: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'tidings-size-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const input = join(folder, 'page.js')
  await writeFile(input, lines.join('\n'))
  const result = await build({
    root: folder,
    configFile: false,
    logLevel: 'error',
    build: {
      write: false,
      minify: true,
      ssr: true,
      target: 'baseline-widely-available',
      rollupOptions: { input, external: /^react(\/|$)/ },
    },
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
