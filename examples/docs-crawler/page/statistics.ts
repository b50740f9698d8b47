import type { Job } from 'tidings'
import { element } from './element.js'
import { bytes, count, duration, pathOf } from './words.js'

/** `result` of a completed crawl. */
interface Statistics {
  readonly discovered: number
  readonly processed: number
  readonly failed: number
  readonly skipped: number
  readonly bytes: number
  readonly deepest: number
  readonly averageMs: number
  readonly slowest: { readonly url: string; readonly ms: number } | null
}

/** What a completed crawl came to. */
export function closingStatistics(job: Job): HTMLElement {
  const { discovered, processed, failed, skipped, averageMs, slowest, deepest, bytes: read } = job.result as Statistics
  const tookMs = (job.endedAt ?? 0) - (job.startedAt ?? job.createdAt)
  const rest = [failed > 0 && `${count(failed)} failed`, skipped > 0 && `${count(skipped)} skipped`].filter(Boolean)
  const facts: [string, string][] = [
    ['Took', duration(tookMs)],
    ['HTML read', bytes(read)],
    ['A page, on average', duration(averageMs)],
    ['Deepest', `${deepest} link${deepest === 1 ? '' : 's'}`],
  ]
  if (slowest) facts.push(['Slowest', `${pathOf(slowest.url)}, ${duration(slowest.ms)}`])
  return element(
    'section',
    { class: 'closing', 'aria-label': 'Statistics' },
    element('h2', {}, `${count(processed)} of ${count(discovered)} pages are Markdown now`),
    rest.length > 0 && element('p', {}, `${rest.join(', ')}: the list below says why.`),
    element(
      'dl',
      {},
      ...facts.map(([name, value]) =>
        element('div', {}, element('dt', {}, name), element('dd', { title: value }, value)),
      ),
    ),
  )
}
