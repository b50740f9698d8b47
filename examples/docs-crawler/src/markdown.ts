import { gfm } from '@joplin/turndown-plugin-gfm'
import { Readability } from '@mozilla/readability'
import Turndown from 'turndown'
import { baseOf } from './links.js'

/** Everything around the text of a documentation page. */
const furniture = [
  'script, style, noscript, template, iframe, object, embed, form, button, input, select, textarea, dialog, link, meta',
  'nav, [role="navigation"], [role="search"], [role="banner"], [role="contentinfo"], [aria-hidden="true"], [hidden]',
  'body > header, body > footer, aside',
  '.navheader, .navfooter, .navbar, .sidebar, .breadcrumb, .breadcrumbs, .headerlink, .anchor-link, .skip-link, .edit-this-page',
].join(', ')

/** Where documentation tools put the text, surest first. */
const contentPlaces = ['main', '[role="main"]', 'article', '#main-content', '#content', '.markdown-body', '.document']

/**
 * Readability is made for news articles: of reference pages made of many equal sections it may keep only one (of
 * PostgreSQL's list of string functions a fifth). So its choice counts only where it keeps at least this share of the text.
 */
const leastShare = 0.7

export interface MarkdownPage {
  readonly title: string
  readonly markdown: string
}

/** The text of a page as Markdown, with its title and absolute links, without navigation. Changes `document`. */
export function toMarkdown(document: Document, pageUrl: string): MarkdownPage {
  const base = baseOf(document, pageUrl)
  const title = titleOf(document, pageUrl)
  for (const element of document.querySelectorAll(furniture)) element.remove()
  makeAbsolute(document, base)
  const markdown = converter().turndown(contentOf(document)).trim()
  const hasHeading = /^#{1,2} \S/.test(markdown)
  const parts = [hasHeading ? '' : `# ${title}`, markdown].filter(Boolean)
  return { title, markdown: `${parts.join('\n\n')}\n` }
}

function contentOf(document: Document): string {
  for (const place of contentPlaces) {
    const found = document.querySelectorAll(place)
    const [only] = found
    if (found.length === 1 && only && only.textContent.trim().length > 200) return only.innerHTML
  }
  const whole = document.body?.innerHTML ?? ''
  const length = textLength(document.body?.textContent)
  const article = length > 0 ? new Readability(document).parse() : null
  return article?.content && textLength(article.textContent) >= length * leastShare ? article.content : whole
}

const textLength = (text: string | null | undefined): number => (text ?? '').replaceAll(/\s+/g, ' ').length

function titleOf(document: Document, pageUrl: string): string {
  const named = document.querySelector('title')?.textContent || document.querySelector('h1')?.textContent || ''
  return named.trim().replaceAll(/\s+/g, ' ').slice(0, 300) || new URL(pageUrl).pathname
}

function makeAbsolute(document: Document, base: string): void {
  for (const attribute of ['href', 'src']) {
    for (const element of document.querySelectorAll(`[${attribute}]`)) {
      const value = element.getAttribute(attribute) ?? ''
      if (URL.canParse(value, base)) element.setAttribute(attribute, new URL(value, base).href)
    }
  }
}

function converter(): Turndown {
  const turndown = new Turndown({ headingStyle: 'atx', codeBlockStyle: 'fenced', bulletListMarker: '-' })
  turndown.use(gfm)
  // `<pre>` without `<code>` is how DocBook and Sphinx write listings.
  turndown.addRule('listing', {
    filter: (node) => node.nodeName === 'PRE',
    replacement: (_content, node) => {
      const text = (node.textContent ?? '').replace(/^\n+|\s+$/g, '')
      const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length))
      const fence = '`'.repeat(longest + 1)
      return `\n\n${fence}${languageOf(node as Element)}\n${text}\n${fence}\n\n`
    },
  })
  return turndown
}

function languageOf(listing: Element): string {
  const names = `${listing.className} ${listing.querySelector('code')?.className ?? ''}`
  return /(?:language|lang|highlight-source)-([\w+#-]+)/.exec(names)?.[1] ?? ''
}
