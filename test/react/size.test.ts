import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { gzipped } from '../client/gzipped.js'

const limitBytes = 2_048
const pathOf = (file: string): string => JSON.stringify(fileURLToPath(import.meta.resolve(`#src/${file}`)))
const client = `import { createClient } from ${pathOf('client/index.js')}\nglobalThis.tidings = createClient({ url: '/tidings' })`

/** What these names cost a page beside its client, gzip bytes, without React itself. */
async function costOf(file: string, ...names: string[]): Promise<number> {
  const lines = [
    client,
    `import { ${names.join(', ')} } from ${pathOf(file)}`,
    `globalThis.used = { ${names.join(', ')} }`,
  ]
  const [without, used] = [await gzipped(client), await gzipped(...lines)]
  return (used.sizes.entry as number) - (without.sizes.entry as number)
}

const hooks = ['TidingsProvider', 'useTidings', 'useConnection', 'useEvent', 'useEvents', 'useJob', 'useJobs']
const parts = ['JobProgress', 'ConnectionDot', 'ConnectionStatus', 'useToasts']

test('C9: React costs a page at most 2 kB more than its client, all hooks and all parts together', async () => {
  const sizes: Record<string, number> = {
    hooks: await costOf('react/index.js', ...hooks),
    all: await costOf('react/index.js', ...hooks, ...parts),
  }
  for (const part of parts) sizes[part] = await costOf('react/index.js', 'TidingsProvider', part)
  sizes.slice = await costOf('zustand/index.js', 'tidingsSlice')
  console.log('gzip bytes beside the client', sizes)
  expect(sizes.all).toBeLessThanOrEqual(limitBytes)
  // What docs/guides/react.md says.
  expect(sizes.hooks).toBeLessThanOrEqual(1_024)
})
