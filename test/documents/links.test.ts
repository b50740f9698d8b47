import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** Every page that people are meant to read, as a path from the root. */
const pages: readonly string[] = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]

const readPage = (path: string): string => readFileSync(join(root, path), 'utf8')

/** Targets of links and pictures within the repository, as written. */
function localLinks(text: string): string[] {
  const prose = text.replace(/```[^]*?```/g, '').replace(/`[^`\n]*`/g, '')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target as string)
    .filter((target) => !/^[a-z]+:/.test(target))
}

/** The anchors that headings have where Markdown is shown. */
const anchors = (text: string): string[] =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    (heading as string)
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-'),
  )

function deadLinks(page: string, text: string): string[] {
  return localLinks(text).filter((link) => {
    const [path = '', anchor] = link.split('#')
    const target = path === '' ? page : relative(root, join(root, dirname(page), path))
    if (!existsSync(join(root, target))) return true
    return anchor !== undefined && target.endsWith('.md') && !anchors(readPage(target)).includes(anchor)
  })
}

describe('documents', () => {
  test.each(pages)('%s: every link within the repository leads somewhere', (page) => {
    expect(deadLinks(page, readPage(page))).toEqual([])
  })

  test('a dead link is found, and one to a heading that is gone', () => {
    const text = '[a](nowhere.md) [b](../../README.md) [c](../../README.md#nothing) [d](#topics) ![e](x.png)'
    expect(deadLinks('docs/concepts/topics.md', text)).toEqual(['nowhere.md', '../../README.md#nothing', 'x.png'])
  })
})
