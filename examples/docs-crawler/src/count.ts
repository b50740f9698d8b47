import type { JobUpdate } from 'tidings'
import type { Page } from './pages.js'

export const pageDone = 'page.done'

/** The id under which a page is counted: the hub counts it once, whoever sends it and however often. */
export const countId = (crawl: string, page: Pick<Page, 'number'>): string => `${crawl}:${page.number}`

/**
 * How a page is counted, told and logged, in one command. It is made from the row alone, so another worker that takes over
 * makes the same one. `page.done` carries the row: the list on a person's screen is kept live by it.
 */
export function countUpdate({ number, url, depth, state, title, reason, bytes, ms, found }: Page): JobUpdate {
  const page: Page = { number, url, depth, state, title, reason, bytes, ms, found }
  return {
    increment: { [state === 'done' ? 'processed' : state]: 1, ...(found > 0 && { discovered: found }) },
    log: [logLine(page)],
    publish: [{ type: pageDone, data: page }],
  }
}

function logLine(page: Page): { level: 'info' | 'warning'; message: string } {
  const { pathname, search } = new URL(page.url)
  const path = `${pathname}${search}`.slice(0, 300)
  if (page.state !== 'done')
    return { level: page.state === 'failed' ? 'warning' : 'info', message: `${path}: ${page.state}, ${page.reason}` }
  const found = page.found > 0 ? `, ${page.found} new` : ''
  return { level: 'info', message: `${path}: ${((page.bytes ?? 0) / 1_024).toFixed(1)} kB, ${page.ms} ms${found}` }
}
