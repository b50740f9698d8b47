import type { Job, TidingsEvent } from 'tidings'
import type { Client } from 'tidings/client'
import type { CrawlStore } from './crawl-store.js'
import { announce, element, setText } from './element.js'
import { LogList } from './log-list.js'
import { PageList } from './page-list.js'
import { progressPanel } from './progress.js'
import { archivePath, type Page, requests } from './requests.js'
import { closingStatistics } from './statistics.js'
import { pathOf, shortAddress, statusWords } from './words.js'

/** Rows are asked for at most this often; in between the events carry the news. */
const readEveryMs = 400

/** One crawl, live. `close` ends its subscriptions. */
export function crawlView(
  client: Client,
  store: CrawlStore,
  id: string,
): { readonly root: HTMLElement; close(): void } {
  const crawl = store.get(id)
  if (!crawl) {
    const text = 'There is no such crawl, or it is not yours.'
    return {
      root: element('section', { class: 'card empty' }, element('h1', {}, 'Not here'), element('p', {}, text)),
      close: () => {},
    }
  }
  const { url, maxDepth, maxPages } = crawl
  const status = element('span', { class: 'status' })
  const cancel = element('button', { type: 'button', onclick: () => void cancelCrawl() }, 'Cancel')
  const download = element('a', { class: 'button primary', href: archivePath(id), download: '' }, 'Download Markdown')
  const progress = progressPanel(url)
  const closing = element('div', {})
  const pages = new PageList(id)
  const log = new LogList(id)
  let ended = false

  async function cancelCrawl(): Promise<void> {
    cancel.disabled = true
    await requests.cancel(id).catch((error: Error) => announce(error.message))
    cancel.disabled = false
  }

  function update(): void {
    const job = store.get(id)?.job
    if (!job) return
    setText(status, statusWords[job.status])
    status.dataset['status'] = job.status
    progress.update(job)
    pages.reading((job.current as { number?: number } | null)?.number ?? 0)
    cancel.hidden = job.endedAt !== null
    download.hidden = job.endedAt === null || !job.counters['processed']
    if (job.endedAt !== null && !ended) end(job)
  }

  function end(job: Job): void {
    ended = true
    if (job.status === 'completed' && job.result) closing.replaceChildren(closingStatistics(job))
    rows.refresh()
    announce(`The crawl of ${shortAddress(url)} has ended: ${statusWords[job.status].toLowerCase()}.`)
  }

  const rows = new RowReader(id, pages)
  // The topic joins the stream a moment after it is asked for: what was told until then is read.
  let stream: string | null = null
  const catchUp = (): void => {
    rows.refresh()
    void log.read()
  }
  const undo = [
    store.subscribe(update),
    // The stream carries this job's own topic too; what it tells goes the same way as news of the list.
    client.job(id).subscribe((job) => store.take(job)),
    client.subscribe(
      `job:${id}`,
      {
        'page.done': ({ data }: TidingsEvent<string, Page>) => {
          pages.take([data])
          if (data.found > 0) rows.refresh()
        },
        'job.log': (event) => log.take(event),
      },
      { onGap: catchUp },
    ),
    client.status.subscribe(() => {
      const { connectionId } = client.status.getSnapshot()
      if (connectionId !== null && connectionId !== stream) catchUp()
      stream = connectionId
    }),
  ]
  catchUp()

  const host = new URL(url).host
  const root = element(
    'article',
    { class: 'crawl' },
    element(
      'section',
      { class: 'card head' },
      element(
        'header',
        {},
        element(
          'div',
          { class: 'title' },
          element('h1', { title: url }, host),
          element('p', { class: 'where' }, pathOf(url)),
          element(
            'p',
            { class: 'quiet' },
            `${maxDepth} link${maxDepth === 1 ? '' : 's'} deep, ${maxPages.toLocaleString('en')} page${maxPages === 1 ? '' : 's'} at most`,
          ),
        ),
        element('div', { class: 'actions' }, status, cancel, download),
      ),
      progress.root,
      closing,
    ),
    element('div', { class: 'lists' }, pages.root, log.root),
  )
  update()
  return {
    root,
    close() {
      rows.close()
      for (const leave of undo) leave()
    },
  }
}

/** Reads the rows that changed since the last time, one request at a time. */
class RowReader {
  readonly #id: string
  readonly #list: PageList
  #change = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #isReading = false
  #isWanted = false
  #isClosed = false

  constructor(id: string, list: PageList) {
    this.#id = id
    this.#list = list
  }

  refresh(): void {
    this.#isWanted = true
    if (!this.#isReading) void this.#read()
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }

  async #read(): Promise<void> {
    this.#isReading = true
    while (this.#isWanted && !this.#isClosed) {
      this.#isWanted = false
      try {
        const { pages, change, more } = await requests.pages(this.#id, this.#change)
        this.#list.take(pages)
        this.#change = change
        if (more) this.#isWanted = true
      } catch {
        this.#isWanted = true
      }
      await new Promise((resolve) => {
        this.#timer = setTimeout(resolve, readEveryMs)
      })
    }
    this.#isReading = false
  }
}
