import { describe, expect, test } from 'vitest'
import { cycles, platformUses, wrongImports } from './architecture/rules.js'
import { parseSource, readSources } from './architecture/source.js'

const files = readSources('src')

describe('who may import whom', () => {
  test('every import of src/ is in the table', () => {
    expect(files.length).toBeGreaterThan(90)
    expect(files.flatMap(({ imports }) => imports).length).toBeGreaterThan(300)
    expect(wrongImports(files)).toEqual([])
  })

  test.each([
    ['protocol/a.ts', `import { hub } from '../hub/hub.js'`, 'protocol/a.ts → hub/hub.ts'],
    ['hub/a.ts', `import type { Log } from '../store/memory.js'`, 'hub/a.ts → store/memory.ts'],
    ['hub/a.ts', `export * from '../jobs/jobs.js'`, 'hub/a.ts → jobs/jobs.ts'],
    ['store/a.ts', `export const load = () => import('../hub/hub.js')`, 'store/a.ts → hub/hub.ts'],
    ['store/a.ts', `export type Hub = import('../hub/hub.js').Hub`, 'store/a.ts → hub/hub.ts'],
    ['store/a.ts', `new Worker(new URL('../jobs/x.js', import.meta.url))`, 'store/a.ts → jobs/x.ts'],
    ['client/a.ts', `import { uuidv7Ids } from '../ids.js'`, 'client/a.ts → ids.ts'],
    ['client/a.ts', `import { readFileSync } from 'node:fs'`, 'client/a.ts → node:fs'],
    ['http/a.ts', `import type { Hub } from '../entry/hub.js'`, 'http/a.ts → entry/hub.ts'],
    ['http/node.ts', `import { createHub } from '../index.js'`, 'http/node.ts → index.ts'],
    ['testing/a.ts', `import { serve } from '../cli/serve.js'`, 'testing/a.ts → cli/serve.ts'],
    ['index.ts', `import { createClient } from './client/index.js'`, 'index.ts → client/index.ts'],
    ['dashboard/page/a.tsx', `import { createHub } from '../../index.js'`, 'dashboard/page/a.ts → index.ts'],
    ['dashboard/page/a.tsx', `import { TidingsError } from '../../errors.js'`, 'dashboard/page/a.ts → errors.ts'],
    ['dashboard/a.ts', `import { HubCore } from '../hub/hub.js'`, 'dashboard/a.ts → hub/hub.ts'],
    ['newcomer/a.ts', `import { x } from '../errors.js'`, 'newcomer/a.ts → errors.ts'],
    ['cli/a.ts', `import manifest from '../../bench/x.js'`, 'cli/a.ts → ../bench/x.ts'],
  ])('a wrong import is found: %s: %s', (path, text, wrong) => {
    expect(wrongImports([parseSource(path, text)])).toEqual([wrong])
  })

  test('the right ones are left alone', () => {
    const text = `import { Store } from '../store/store.js'
      import { TidingsError } from '../errors.js'
      import { x } from './hub.js'
      import { once } from 'node:events'`
    expect(wrongImports([parseSource('hub/a.ts', text)])).toEqual([])
    expect(wrongImports([parseSource('http/node.ts', `import type { Hub } from '../entry/hub.js'`)])).toEqual([])
  })
})

describe('cycles', () => {
  test('no file of src/ imports itself over others', () => {
    expect(cycles(files)).toEqual([])
  })

  test('a cycle is found, also one through a re-export', () => {
    const a = parseSource('hub/a.ts', `import { b } from './b.js'`)
    const b = parseSource('hub/b.ts', `export * from './c.js'`)
    const c = parseSource('hub/c.ts', `import { type A } from './a.js'`)
    expect(cycles([a, b, c])).toEqual([['hub/a.ts', 'hub/b.ts', 'hub/c.ts']])
  })

  test('types alone make none', () => {
    const a = parseSource('hub/a.ts', `import type { B } from './b.js'`)
    const b = parseSource('hub/b.ts', `import { a } from './a.js'`)
    expect(cycles([a, b])).toEqual([])
  })
})

describe('time and randomness are handed in', () => {
  test('only clock.ts and random.ts touch those of the platform', () => {
    expect(platformUses(files)).toEqual([])
    expect(files.find(({ path }) => path === 'clock.ts')?.platformUses).toContain('setTimeout')
  })

  test.each([
    ['Date.now()', 'Date.now'],
    ['const now = Date.now', 'Date.now'],
    ['new Date()', 'new Date()'],
    ['Math.random()', 'Math.random'],
    ['performance.now()', 'performance.now'],
    ['setTimeout(() => {}, 1)', 'setTimeout'],
    ['globalThis.setInterval(() => {}, 1)', 'setInterval'],
    ['crypto.randomUUID()', 'randomUUID'],
    ['crypto.getRandomValues(bytes)', 'getRandomValues'],
    [`import { randomBytes } from 'node:crypto'`, 'randomBytes'],
    [`import { setTimeout as sleep } from 'node:timers/promises'`, 'setTimeout'],
  ])('a use of the platform is found: %s', (text, use) => {
    expect(platformUses([parseSource('hub/a.ts', text)])).toEqual([`hub/a.ts: ${use}`])
  })

  test('a date of a given moment is no clock', () => {
    expect(platformUses([parseSource('hub/a.ts', 'new Date(timestamp).toISOString()')])).toEqual([])
  })
})
