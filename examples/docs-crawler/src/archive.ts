import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { strToU8, Zip, ZipDeflate } from 'fflate'
import type { Crawl } from './crawls.js'
import type { Page, Pages } from './pages.js'

/** Writes the finished pages of a crawl as a zip of Markdown files, one at a time: memory holds one page, not the archive. */
export async function writeArchive(output: Writable, crawl: Crawl, pages: Pages): Promise<void> {
  let failure: Error | null = null
  const zip = new Zip((error, chunk, isLast) => {
    if (error) failure = error
    else output.write(chunk)
    if (isLast) output.end()
  })
  const add = async (name: string, text: string): Promise<void> => {
    const file = new ZipDeflate(name, { level: 6 })
    zip.add(file)
    file.push(strToU8(text), true)
    if (failure) throw failure
    if (output.writableNeedDrain) await Promise.race([once(output, 'drain'), once(output, 'close')])
  }

  const names = new FileNames()
  const done = pages.done(crawl.id).map((page) => ({ page, name: names.of(page.url) }))
  await add('index.md', indexOf(crawl, done))
  for (const { page, name } of done) {
    if (output.destroyed) return
    await add(name, `${frontMatter(page)}${pages.markdown(crawl.id, page.number) ?? ''}`)
  }
  zip.end()
}

/** The name under which a browser saves it. */
export const archiveName = (crawl: Crawl): string => `${new URL(crawl.url).hostname.replaceAll(/[^\w.-]/g, '-')}.zip`

const indexOf = (crawl: Crawl, files: readonly { page: Page; name: string }[]): string =>
  `# ${crawl.url}\n\n${files.map(({ page, name }) => `- [${(page.title ?? name).replaceAll(/[[\]]/g, '\\$&')}](<${name}>)`).join('\n')}\n`

const frontMatter = (page: Page): string => `---\ntitle: ${JSON.stringify(page.title)}\nurl: ${page.url}\n---\n\n`

/** Gives each page a path like its address: safe on every file system, and no two the same, also where case does not count. */
export class FileNames {
  readonly #taken = new Set(['index.md'])

  of(url: string): string {
    const { pathname, search } = new URL(url)
    const path = `${decode(pathname)}${search ? `-${search.slice(1)}` : ''}`
    const parts = path.split('/').map(safePart).filter(Boolean)
    if (path.endsWith('/') || parts.length === 0) parts.push('index')
    const stem = parts.join('/').replace(/\.(?:x?html?|php|aspx?|md)$/i, '')
    for (let count = 1; ; count++) {
      const name = `pages/${stem}${count > 1 ? `-${count}` : ''}.md`
      if (this.#taken.has(name.toLowerCase())) continue
      this.#taken.add(name.toLowerCase())
      return name
    }
  }
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

/** Never "..", never a name that Windows refuses. */
function safePart(part: string): string {
  const safe = part
    .replaceAll(/[^\p{L}\p{N}._ -]/gu, '-')
    .replace(/^[. ]+|[. ]+$/g, '')
    .slice(0, 80)
  return /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i.test(safe) ? `-${safe}` : safe
}
