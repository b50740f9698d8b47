import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

const root = join(import.meta.dirname, '..', '..')
const protocol = readFileSync(join(root, 'PROTOCOL.md'), 'utf8')

/** The clauses of a protocol text by their id: a list item that begins with a bold id, up to the next item or empty line. */
function clausesOf(text: string): Map<string, string> {
  const clauses = new Map<string, string>()
  for (const [, id = '', words = ''] of text.matchAll(/^- \*\*(P\d+\.\d+)\*\* ([^]*?)(?=\n- |\n\n|\n#|$(?![^]))/gm)) {
    if (clauses.has(id)) throw new Error(`${id} stands twice in PROTOCOL.md`)
    clauses.set(id, words.replace(/\s+/g, ' '))
  }
  return clauses
}

/** Ids that stand in a test's title, in square brackets: `test('[P4.2] …')`, also several: `[P4.2, P4.3]`. */
function idsInTitles(source: string): string[] {
  const titles = [
    ...source.matchAll(/\b(?:test|it|describe)(?:\.\w+(?:\([^)]*\))?)*\(\s*(['"`])((?:\\.|(?!\1)[^])*)\1/g),
  ]
  return titles.flatMap(([, , title = '']) =>
    [...title.matchAll(/\[(P[\d., P]+)\]/g)].flatMap(([, ids = '']) => ids.split(',').map((id) => id.trim())),
  )
}

function uncovered(text: string, sources: readonly string[]): string[] {
  const named = new Set(sources.flatMap(idsInTitles))
  return [...clausesOf(text)].filter(([id, words]) => words.includes('MUST') && !named.has(id)).map(([id]) => id)
}

const sources = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.test\.tsx?$/.test(name) && !name.endsWith('clauses.test.ts'))
  .map((name) => readFileSync(join(root, 'test', name), 'utf8'))

describe('PROTOCOL.md', () => {
  test('every clause that says MUST is named by a test', () => {
    expect(uncovered(protocol, sources)).toEqual([])
  })

  test('no test names a clause that does not exist', () => {
    const known = clausesOf(protocol)
    expect(sources.flatMap(idsInTitles).filter((id) => !known.has(id))).toEqual([])
  })

  test('MUST stands only in numbered clauses, once in each', () => {
    const clauses = clausesOf(protocol)
    for (const [id, words] of clauses)
      expect([id, words.match(/\bMUST\b/g)?.length ?? 0]).toEqual([id, words.includes('MUST') ? 1 : 0])
    const inClauses = [...clauses.values()].filter((words) => words.includes('MUST')).length
    // The one outside says what the word means.
    expect(protocol.match(/\bMUST\b/g)?.length).toBe(inClauses + 1)
    expect(inClauses).toBeGreaterThan(100)
  })

  test('clauses of a part are numbered without a hole from its heading on', () => {
    const next = new Map<string, number>()
    for (const id of clausesOf(protocol).keys()) {
      const [part = '', number = ''] = id.slice(1).split('.')
      expect(Number(number), id).toBe((next.get(part) ?? 0) + 1)
      next.set(part, Number(number))
      expect(protocol).toMatch(new RegExp(`^## P${part} `, 'm'))
    }
  })

  test('clauses that clauses point to exist', () => {
    const known = clausesOf(protocol)
    for (const [id] of protocol.matchAll(/\bP\d+\.\d+\b/g)) expect(known.has(id), id).toBe(true)
  })
})

describe('the check of clauses can fail', () => {
  const text = '- **P1.1** A hub MUST be\n  kind.\n- **P1.2** Nobody has to.\n\n- **P2.10** It MUST NOT\n  bark.\n'

  test('it finds clauses over several lines, and those that bind', () => {
    expect([...clausesOf(text).keys()]).toEqual(['P1.1', 'P1.2', 'P2.10'])
    expect(uncovered(text, [])).toEqual(['P1.1', 'P2.10'])
  })

  test('only the id in a title counts: not one in a comment, a string, or a longer number', () => {
    const id = ['P2', '10'].join('.')
    expect(uncovered(text, [`// [${id}]`, `const x = '[${id}]'`, `test('about ${id}', () => {})`])).toEqual([
      'P1.1',
      'P2.10',
    ])
    expect(uncovered(text, [`test('[${id}] is quiet', () => {})`])).toEqual(['P1.1'])
    expect(uncovered(text, [`test.each(all)('[P1.1, ${id}] both', () => {})`])).toEqual([])
    expect(uncovered(text, ["test('[P1.11] another', () => {})", "test('[P2.1] another', () => {})"])).toEqual([
      'P1.1',
      'P2.10',
    ])
  })

  test('a clause that stands twice is an error', () => {
    expect(() => clausesOf(text + text)).toThrow(/P1.1 stands twice/)
  })
})
