import { element, setText } from './element.js'
import { markdownPath, type Page } from './requests.js'
import { bytes, count, duration, pathOf } from './words.js'

const groups = {
  all: { label: 'All', has: () => true },
  open: { label: 'Open', has: ({ state }: Page) => state === 'queued' || state === 'taken' },
  done: { label: 'Read', has: ({ state }: Page) => state === 'done' },
  failed: { label: 'Failed', has: ({ state }: Page) => state === 'failed' },
  skipped: { label: 'Skipped', has: ({ state }: Page) => state === 'skipped' },
} as const
type Group = keyof typeof groups

const stateWords: Record<Page['state'], string> = {
  queued: 'queued',
  taken: 'reading',
  done: 'read',
  failed: 'failed',
  skipped: 'skipped',
}
const isFinal = ({ state }: Page): boolean => state === 'done' || state === 'failed' || state === 'skipped'

/** Every page of one crawl with its state and, where it was not read, the reason. */
export class PageList {
  readonly root: HTMLElement
  readonly #crawl: string
  readonly #rows = new Map<number, { page: Page; row: HTMLLIElement }>()
  readonly #list = element('ol', { class: 'pages' })
  readonly #scroll = element(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'List of pages' },
    this.#list,
  )
  readonly #tabs = new Map<Group, HTMLButtonElement>()
  readonly #empty = element('p', { class: 'quiet' }, 'No page here.')
  #group: Group = 'all'
  #isDrawing = false
  #isFollowing = true

  constructor(crawl: string) {
    this.#crawl = crawl
    for (const group of Object.keys(groups) as Group[]) {
      this.#tabs.set(
        group,
        element('button', { type: 'button', 'aria-pressed': 'false', onclick: () => this.#choose(group) }),
      )
    }
    this.root = element(
      'section',
      { class: 'card pages-card', 'aria-label': 'Pages' },
      element(
        'header',
        {},
        element('h2', {}, 'Pages'),
        element('div', { class: 'filters', role: 'group', 'aria-label': 'Show' }, ...this.#tabs.values()),
      ),
      this.#empty,
      this.#scroll,
    )
    // The list follows the crawl until somebody scrolls it or looks into it.
    for (const type of ['wheel', 'pointerdown', 'keydown', 'touchstart']) {
      this.#scroll.addEventListener(type, () => (this.#isFollowing = false), { passive: true })
    }
    this.#choose('all')
  }

  /** Takes rows in, in any order. A page that was read stays so, whatever older news still arrives. */
  take(pages: readonly Page[]): void {
    for (const page of pages) {
      const known = this.#rows.get(page.number)
      if (known && isFinal(known.page) && !isFinal(page)) continue
      const row = known?.row ?? element('li', {})
      this.#rows.set(page.number, { page, row })
      this.#fill(row, page)
      if (!known) this.#insert(row, page.number)
    }
    if (this.#isDrawing) return
    this.#isDrawing = true
    requestAnimationFrame(() => {
      this.#isDrawing = false
      this.#count()
    })
  }

  /** A worker has begun with this page. */
  reading(number: number): void {
    const known = this.#rows.get(number)
    if (known?.page.state === 'queued') this.take([{ ...known.page, state: 'taken' }])
    if (known && this.#isFollowing) {
      const { offsetTop, offsetHeight } = known.row
      this.#scroll.scrollTop = Math.max(
        this.#scroll.scrollTop,
        offsetTop + 3 * offsetHeight - this.#scroll.clientHeight,
      )
    }
  }

  #insert(row: HTMLLIElement, number: number): void {
    row.value = number
    let after = this.#list.lastElementChild as HTMLLIElement | null
    while (after && after.value > number) after = after.previousElementSibling as HTMLLIElement | null
    if (after) after.after(row)
    else this.#list.prepend(row)
  }

  #fill(row: HTMLLIElement, page: Page): void {
    row.dataset['state'] = page.state
    row.hidden = !groups[this.#group].has(page)
    const path = pathOf(page.url)
    const facts = page.state === 'done' ? `${bytes(page.bytes ?? 0)} · ${duration(page.ms ?? 0)}` : (page.reason ?? '')
    const title = page.title ?? path
    row.replaceChildren(
      element('span', { class: 'page-state' }, stateWords[page.state]),
      page.state === 'done'
        ? element(
            'a',
            {
              class: 'page-title',
              href: markdownPath(this.#crawl, page.number),
              target: '_blank',
              title: `Markdown of ${page.url}`,
            },
            title,
          )
        : element(
            'a',
            { class: 'page-title', href: page.url, target: '_blank', rel: 'noreferrer', title: page.url },
            title,
          ),
      element('span', { class: 'page-facts', title: facts }, facts),
    )
  }

  #choose(group: Group): void {
    this.#group = group
    for (const [name, tab] of this.#tabs) tab.setAttribute('aria-pressed', String(name === group))
    for (const { page, row } of this.#rows.values()) row.hidden = !groups[group].has(page)
    this.#count()
  }

  #count(): void {
    const pages = [...this.#rows.values()].map(({ page }) => page)
    for (const [group, tab] of this.#tabs)
      setText(tab, `${groups[group].label} ${count(pages.filter(groups[group].has).length)}`)
    this.#empty.hidden = pages.some(groups[this.#group].has)
  }
}
