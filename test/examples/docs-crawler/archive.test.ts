import { PassThrough } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { strFromU8, unzipSync } from 'fflate'
import { expect, test } from 'vitest'
import { archiveName, FileNames, writeArchive } from '../../../examples/docs-crawler/dist/archive.js'
import type { Crawl } from '../../../examples/docs-crawler/dist/crawls.js'
import type { Page, Pages } from '../../../examples/docs-crawler/dist/pages.js'

test('X1: file names are like addresses, safe everywhere, and never the same twice', () => {
  const names = new FileNames()
  const of = (path: string): string => names.of(`http://a.example${path}`)
  expect(of('/')).toBe('pages/index.md')
  expect(of('/guide/start.html')).toBe('pages/guide/start.md')
  expect(of('/Guide/START.htm')).toBe('pages/Guide/START-2.md')
  expect(of('/guide/')).toBe('pages/guide/index.md')
  expect(of('/%2e%2e/%2e%2e/etc/passwd')).toBe('pages/etc/passwd.md')
  expect(of('/a%2F..%2F..%2Fb')).toBe('pages/a/b.md')
  expect(of('/con/a?x=1&y=%00')).toBe('pages/-con/a-x=1&y=%00.md'.replaceAll(/[=&%]/g, '-'))
  expect(of('/gr%C3%BC%C3%9Fe')).toBe('pages/grüße.md')
  expect(of('/bad%E0%A4%A')).toBe('pages/bad-E0-A4-A.md')
})

test('X1: the archive holds every finished page as Markdown, with an index', async () => {
  const crawl = { id: 'c', url: 'https://docs.example.com/x' } as Crawl
  const done = [1, 2].map(
    (number) => ({ number, url: `https://docs.example.com/p${number}`, title: `Page [${number}]` }) as Page,
  )
  const rows = {
    done: () => done,
    markdown: (_crawl: string, number: number) => `# Page ${number}\n`,
  } as unknown as Pages
  const output = new PassThrough({ highWaterMark: 16 })
  const [zip] = await Promise.all([buffer(output), writeArchive(output, crawl, rows)])
  const files = Object.fromEntries(Object.entries(unzipSync(zip)).map(([name, bytes]) => [name, strFromU8(bytes)]))
  expect(Object.keys(files)).toEqual(['index.md', 'pages/p1.md', 'pages/p2.md'])
  expect(files['index.md']).toContain('- [Page \\[2\\]](<pages/p2.md>)')
  expect(files['pages/p1.md']).toBe('---\ntitle: "Page [1]"\nurl: https://docs.example.com/p1\n---\n\n# Page 1\n')
  expect(archiveName(crawl)).toBe('docs.example.com.zip')
})
