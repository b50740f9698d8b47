import { createClient } from 'tidings/client'
import { connectionDot } from './connection.js'
import { crawlForm } from './crawl-form.js'
import { crawlList } from './crawl-list.js'
import { CrawlStore } from './crawl-store.js'
import { crawlView } from './crawl-view.js'
import { element } from './element.js'
import { requests, type Visitor } from './requests.js'
import { signIn } from './sign-in.js'

const main = document.querySelector('#main') as HTMLElement

async function start(): Promise<void> {
  const visitor = (await requests.visitor().catch(() => null)) ?? (await signIn(main))
  const client = createClient({ url: '/tidings' })
  const store = new CrawlStore(client, visitor.userId)
  await store.start()
  showVisitor(visitor, connectionDot(client))

  const list = crawlList(store)
  const place = element('div', { class: 'place' })
  const form = crawlForm((crawl) => {
    store.add(crawl)
    location.hash = `#/crawl/${crawl.id}`
  })
  main.replaceChildren(element('div', { class: 'layout' }, element('div', { class: 'side' }, form, list.root), place))

  let close = (): void => {}
  const show = (): void => {
    close()
    const id = /^#\/crawl\/([\w-]+)$/.exec(location.hash)?.[1] ?? store.list[0]?.id ?? null
    list.select(id)
    const view = id ? crawlView(client, store, id) : { root: firstTime(), close: () => {} }
    close = view.close
    place.replaceChildren(view.root)
  }
  addEventListener('hashchange', show)
  show()
}

function showVisitor({ name }: Visitor, dot: HTMLElement): void {
  const signOut = element(
    'button',
    { class: 'plain', onclick: () => void requests.signOut().then(() => location.reload()) },
    'Sign out',
  )
  document.querySelector('#visitor')?.replaceChildren(dot, element('span', { class: 'name' }, name), signOut)
}

const firstTime = (): HTMLElement =>
  element(
    'section',
    { class: 'card empty' },
    element('h1', {}, 'Nothing crawled yet'),
    element(
      'p',
      {},
      'Give an address, and this place fills with what is happening: pages found, pages read, and what went wrong where.',
    ),
  )

start().catch((error: Error) => {
  main.replaceChildren(
    element(
      'section',
      { class: 'card empty' },
      element('h1', {}, 'This did not work'),
      element('p', {}, error.message),
    ),
  )
})
