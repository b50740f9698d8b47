import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parseDocument as documentOf } from '../../../examples/docs-crawler/dist/document.js'
import { linksOf, pageAddress } from '../../../examples/docs-crawler/dist/links.js'
import { toMarkdown } from '../../../examples/docs-crawler/dist/markdown.js'

const at = 'https://docs.example.com/guide/start.html'
const long = 'A sentence that is long enough to be the text of a page. '.repeat(6)

test('X1: a page becomes Markdown with its title, absolute links, tables and listings, without navigation', () => {
  const { title, markdown } = toMarkdown(
    documentOf(`<html><head><title>Start  here</title></head><body>
      <nav><a href="/">Home</a></nav><header>Banner</header>
      <main><h1>Start</h1><p>${long}See <a href="../ref/a.html#x">the reference</a>.</p>
      <table><thead><tr><th>Name</th><th>Value</th></tr></thead><tbody><tr><td>one</td><td>1</td></tr></tbody></table>
      <pre><code class="language-js">const a = \`\${1}\`
</code></pre><script>alert(1)</script></main><footer>Foot</footer></body></html>`),
    at,
  )
  expect(title).toBe('Start here')
  expect(markdown).toMatch(/^# Start\n/)
  expect(markdown).toContain('[the reference](https://docs.example.com/ref/a.html#x)')
  expect(markdown).toMatch(/\| Name \| Value \|\n\| -+ \| -+ \|\n\| one \| 1 +\|/)
  expect(markdown).toContain('```js\nconst a = `${1}`\n```')
  expect(markdown).not.toMatch(/Home|Banner|Foot|alert/)
})

test('X1: a page without a heading gets its title as one; an empty page is still a page', () => {
  expect(toMarkdown(documentOf(`<title>T</title><body><p>${long}</p></body>`), at).markdown).toMatch(
    /^# T\n\nA sentence/,
  )
  expect(toMarkdown(documentOf(''), at)).toEqual({ title: '/guide/start.html', markdown: '# /guide/start.html\n' })
})

const postgres = '/usr/share/doc/postgresql-doc-15/html/functions-string.html'
test.skipIf(!existsSync(postgres))('X1: of a reference page in many equal parts no part is lost', () => {
  const html = readFileSync(postgres, 'utf8')
  const { title, markdown } = toMarkdown(documentOf(html), 'http://docs.example.com/functions-string.html')
  expect(title).toBe('9.4. String Functions and Operators')
  for (const word of ['btrim', 'This section describes functions', 'sprintf', 'unistr', 'format_type']) {
    expect(markdown.includes(word), word).toBe(html.includes(word))
  }
  expect(markdown).not.toMatch(/^\s*(Prev|Next|Home)\s*$/m)
})

test('X1: links are taken once, in one spelling, of the same origin, and where the page allows it', () => {
  const html = `<body><a href="a.html#one">1</a><a href="./a.html">2</a><a href="/b?x=1">3</a><a href="https://other.example/">4</a>
    <a href="mailto:a@example.com">5</a><a href="x.pdf">6</a><a href="c" rel="nofollow">7</a><a href="#here">8</a>
    <a href="https://docs.example.com:443/d">9</a><a href="https://user:pass@docs.example.com/e">10</a></body>`
  const origin = 'https://docs.example.com'
  expect(linksOf(documentOf(html), at, origin)).toEqual([`${origin}/guide/a.html`, `${origin}/b?x=1`, `${origin}/d`])
  expect(
    linksOf(documentOf(`<head><meta name="robots" content="noindex, nofollow"></head>${html}`), at, origin),
  ).toEqual([])
  expect(linksOf(documentOf(`<head><base href="/base/"></head><body><a href="a">1</a></body>`), at, origin)).toEqual([
    `${origin}/base/a`,
  ])
  expect(pageAddress('javascript:alert(1)')).toBeNull()
  expect(pageAddress(`https://a.example/${'x'.repeat(2_001)}`)).toBeNull()
})
