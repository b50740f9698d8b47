import type { Job } from 'tidings'
import { announce, element, setText } from './element.js'
import { count, duration, shortAddress } from './words.js'

const quarters = 25

/** The bar, what is being read, and the counters of one crawl. */
export function progressPanel(address: string): { readonly root: HTMLElement; update(job: Job): void } {
  const percent = element('span', { class: 'percent' }, '0')
  const fill = element('div', { class: 'bar-fill' })
  const bar = element(
    'div',
    {
      class: 'bar',
      role: 'progressbar',
      'aria-label': `Crawl of ${shortAddress(address)}`,
      'aria-valuemin': 0,
      'aria-valuemax': 100,
    },
    fill,
  )
  const current = element('p', { class: 'current' })
  const tiles = new Map(
    ['Discovered', 'Read', 'Failed', 'Skipped', 'A minute', 'Time left'].map((name) => [name, element('dd', {}, '–')]),
  )
  const counters = element(
    'dl',
    { class: 'tiles' },
    ...[...tiles].map(([name, value]) =>
      element('div', { 'data-tile': name.toLowerCase() }, element('dt', {}, name), value),
    ),
  )
  let announced = 0

  function update(job: Job): void {
    const shown = job.percent ?? 0
    setText(percent, String(shown))
    bar.setAttribute('aria-valuenow', String(shown))
    bar.setAttribute('aria-valuetext', `${shown} percent, ${finishedOf(job)} of ${job.total ?? 0} pages`)
    fill.style.setProperty('--share', String(shown / 100))
    bar.dataset['status'] = job.status
    setText(current, doing(job))

    const { discovered = 0, processed = 0, failed = 0, skipped = 0 } = job.counters
    const tell = (name: string, value: string): void => setText(tiles.get(name) as Element, value)
    tell('Discovered', count(discovered))
    tell('Read', count(processed))
    tell('Failed', count(failed))
    tiles.get('Failed')?.parentElement?.toggleAttribute('data-some', failed > 0)
    tell('Skipped', count(skipped))
    const { perMinute, leftMs } = paceOf(job)
    tell('A minute', perMinute === null ? '–' : count(perMinute))
    tell('Time left', job.endedAt !== null ? 'none' : leftMs === null ? '–' : `~ ${duration(leftMs)}`)

    // Screen readers hear a few steps, not each page.
    const step = Math.floor(shown / quarters) * quarters
    if (job.status === 'running' && step > announced)
      announce(`${step} percent: ${finishedOf(job)} of ${job.total} pages.`)
    announced = Math.max(announced, step)
  }

  return {
    root: element(
      'section',
      { class: 'progress', 'aria-label': 'Progress' },
      element(
        'div',
        { class: 'bar-line' },
        element('p', { class: 'percent-line' }, percent, element('small', {}, '%')),
        bar,
      ),
      current,
      counters,
    ),
    update,
  }
}

const finishedOf = ({ counters: { processed = 0, failed = 0, skipped = 0 } }: Job): number =>
  processed + failed + skipped

function doing(job: Job): string {
  if (job.status === 'queued') return 'Waiting for a worker…'
  if (job.status === 'completed') return 'There is nothing left to read.'
  if (job.status === 'cancelled') return 'Cancelled. What was read until then can be downloaded.'
  if (job.status === 'failed') return job.error?.message ?? 'It was stopped.'
  const { url } = (job.current ?? {}) as { url?: string }
  return url ? `Reading ${shortAddress(url)}` : 'Starting…'
}

function paceOf(job: Job): { perMinute: number | null; leftMs: number | null } {
  const finished = finishedOf(job)
  if (job.startedAt === null || finished < 3) return { perMinute: null, leftMs: null }
  const elapsedMs = Math.max(1, (job.endedAt ?? Date.now()) - job.startedAt)
  return {
    perMinute: Math.round((finished * 60_000) / elapsedMs),
    leftMs: (((job.total ?? 0) - finished) * elapsedMs) / finished,
  }
}
