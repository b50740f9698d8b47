import { parseDocument } from './document.js'
import { linksOf } from './links.js'
import { type MarkdownPage, toMarkdown } from './markdown.js'

export interface ConvertedPage extends MarkdownPage {
  readonly links: readonly string[]
}

/** HTML to Markdown and links. It only computes: up to seconds for a page of half a megabyte. */
export function convertPage(html: string, url: string): ConvertedPage {
  const document = parseDocument(html)
  // The links come first: making Markdown takes the navigation away, and with it most links.
  const links = linksOf(document, url, new URL(url).origin)
  return { links, ...toMarkdown(document, url) }
}
