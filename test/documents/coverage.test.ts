import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Block, blocksOf } from './blocks.js'

const root = join(import.meta.dirname, '../..')

const within = (folder: string, ending: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending) && !/(^|\/)(node_modules|dist)\//.test(name))
    .map((name) => `${folder}/${name}`)

/** Every page with something that people would copy. */
const pages = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...['docs', 'examples', 'bench', 'src'].flatMap((folder) => within(folder, '.md')),
].sort()

/** What is not to be run, compiled or read by a program. */
const illustrations = new Set(['text'])

interface Source {
  readonly path: string
  readonly text: string
}

const self = 'test/documents/coverage.test.ts'
const tests: readonly Source[] = within('test', '.ts')
  .filter((path) => path !== self)
  .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))

/** What `blocksOf(page)` of a test takes: every block, or those of one language. Null: it takes none that way. */
function wholesale(source: string, page: string): RegExp | null {
  const taken = [
    ...source.matchAll(/blocksOf\(([^)]+)\)(\.some)?(?:\.filter\(\(\{ language \}\) => language === '(\w+)'\))?/g),
  ]
  for (const [, of = '', isLook, language] of taken) {
    const path = of.startsWith("'") ? of : new RegExp(`const ${of} = .*('[^']+\\.md')`).exec(source)?.[1]
    if (path === `'${page}'` && !isLook) return new RegExp(`^${language ?? '.*'}$`)
  }
  return null
}

/** Whether a test runs, compiles or checks the block: it takes it by its name, or with all others of its page. */
const takes = (source: string, page: string, { language, name }: Block): boolean =>
  source.includes(`'${page}'`) &&
  ((name !== '' && source.includes(`'${name}'`)) || wholesale(source, page)?.test(language) === true)

/** Blocks that no test takes, and fences that are not read as blocks at all. */
function untaken(page: string, text: string, blocks: readonly Block[], sources: readonly string[]): string[] {
  const fences = text.match(/^ *```/gm)?.length ?? 0
  const unread = fences === blocks.length * 2 ? [] : [`${page}: a block has no language, or is indented`]
  const open = blocks.filter(
    (block) => !illustrations.has(block.language) && !sources.some((source) => takes(source, page, block)),
  )
  return [...unread, ...open.map(({ language, name }) => `${page}: ${language} ${name}`)]
}

test('O8: every example of every page is run, compiled or checked by a test', () => {
  const sources = tests.map(({ text }) => text)
  const found = pages.map((page) => ({
    page,
    text: readFileSync(join(root, page), 'utf8'),
    blocks: blocksOf(join(root, page)),
  }))
  expect(found.reduce((sum, { blocks }) => sum + blocks.length, 0)).toBeGreaterThan(80)
  expect(found.flatMap(({ page, text, blocks }) => untaken(page, text, blocks, sources))).toEqual([])
})

test('a block that no test takes is found, and one without a language', () => {
  const page = 'docs/x.md'
  const blocks = [
    { language: 'ts', name: 'hub', text: '' },
    { language: 'sh', name: '', text: '' },
    { language: 'text', name: '', text: '' },
  ]
  const fence = '```'
  const text = `${fence}ts hub\n${fence}\n${fence}sh\n${fence}\n${fence}text\n${fence}\n`
  const both = [`${page}: ts hub`, `${page}: sh `]
  expect(untaken(page, text, blocks, [])).toEqual(both)
  expect(untaken(page, text, blocks, ["blockOf('docs/y.md', 'hub')"])).toEqual(both)
  expect(untaken(page, text, blocks, ["blockOf('docs/x.md', 'hub')"])).toEqual(both.slice(1))
  expect(untaken(page, text, blocks, ["const page = 'docs/x.md'\nblocksOf(page)"])).toEqual([])
  const oneLanguage = "blocksOf('docs/x.md').filter(({ language }) => language === 'ts')"
  expect(untaken(page, text, blocks, [oneLanguage])).toEqual(both.slice(1))
  expect(untaken(page, `${text}${fence}\n${fence}\n`, blocks, [oneLanguage])).toContain(
    `${page}: a block has no language, or is indented`,
  )
})
