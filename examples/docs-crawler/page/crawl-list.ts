import type { CrawlStore } from './crawl-store.js'
import { element, setText } from './element.js'
import type { Crawl } from './requests.js'
import { shortAddress, statusWords } from './words.js'

interface Item {
  readonly root: HTMLLIElement
  readonly link: HTMLAnchorElement
  readonly state: HTMLElement
  readonly bar: HTMLElement
}

/** Every crawl of the visitor, each with a small bar. */
export function crawlList(store: CrawlStore): { readonly root: HTMLElement; select(id: string | null): void } {
  const items = new Map<string, Item>()
  const list = element('ul', { class: 'crawls' })
  const empty = element('p', { class: 'quiet' }, 'None yet. Your crawls will be listed here.')
  let selected: string | null = null

  function update(): void {
    empty.hidden = store.list.length > 0
    store.list.forEach((crawl, index) => {
      const item = items.get(crawl.id) ?? newItem(crawl)
      items.set(crawl.id, item)
      const { job } = crawl
      const status = job?.status ?? 'queued'
      item.root.dataset['status'] = status
      setText(item.state, status === 'running' ? `${job?.percent ?? 0} %` : statusWords[status])
      item.bar.style.setProperty('--share', String((job?.percent ?? 0) / 100))
      if (crawl.id === selected) item.link.setAttribute('aria-current', 'page')
      else item.link.removeAttribute('aria-current')
      if (list.children[index] !== item.root) list.insertBefore(item.root, list.children[index] ?? null)
    })
  }
  store.subscribe(update)
  update()
  return {
    root: element('nav', { class: 'card', 'aria-label': 'Your crawls' }, element('h2', {}, 'Your crawls'), empty, list),
    select(id) {
      selected = id
      update()
    },
  }
}

function newItem({ id, url }: Crawl): Item {
  const state = element('span', { class: 'crawl-state' })
  const bar = element('span', { class: 'small-bar', 'aria-hidden': 'true' })
  const link = element(
    'a',
    { href: `#/crawl/${id}` },
    element('span', { class: 'crawl-url', title: url }, shortAddress(url)),
    state,
    bar,
  )
  return { root: element('li', {}, link), link, state, bar }
}
