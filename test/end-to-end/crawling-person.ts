import type { Browser, Page } from 'playwright-core'

/** What the crawler's API and the hub tell of a crawl. */
export interface CrawlState {
  readonly id: string
  readonly job: {
    readonly owner: string
    readonly status: string
    readonly percent: number
    readonly counters: Record<string, number>
    readonly result: Record<string, unknown>
  }
}
interface LogEvent {
  readonly type: string
  readonly seq: number
  readonly data: Record<string, unknown>
}

/** One person in a browser context of their own, with a record of all that the browser was sent and showed. */
export class CrawlingPerson {
  readonly page: Page
  /** Every percentage that the bar stood at, in order, over reloads. */
  readonly percents: number[] = []
  /** Every byte that came from the hub. */
  received = ''
  readonly #url: string

  private constructor(page: Page, url: string) {
    this.page = page
    this.#url = url
  }

  static async arrive(browser: Browser, url: string, name: string): Promise<CrawlingPerson> {
    const context = await browser.newContext({ baseURL: url })
    const page = await context.newPage()
    const person = new CrawlingPerson(page, url)
    await context.exposeFunction('recordPercent', (percent: number) => person.percents.push(percent))
    await context.exposeFunction('recordReceived', (text: string) => {
      person.received += text
    })
    await context.addInitScript(record)
    await page.goto('/')
    await page.getByLabel('Your name').fill(name)
    await page.getByRole('button', { name: 'Begin' }).click()
    await page.getByText('Live', { exact: true }).waitFor()
    return person
  }

  async begin(address: string, maxPages: number): Promise<string> {
    await this.page.getByLabel('Address of the documentation').fill(address)
    await this.page.getByLabel('Links deep').fill('20')
    await this.page.getByLabel('Pages at most').fill(String(maxPages))
    await this.page.getByRole('button', { name: 'Crawl', exact: true }).click()
    await this.page.waitForURL(/#\/crawl\/./)
    await this.page.getByRole('progressbar').waitFor()
    return this.page.url().split('/').at(-1) as string
  }

  /** Waits until the bar stands at `percent` or beyond. */
  async sees(percent: number, timeoutMs: number): Promise<void> {
    await this.page.waitForFunction(
      (least) => Number(document.querySelector('[role=progressbar]')?.getAttribute('aria-valuenow')) >= least,
      percent,
      { timeout: timeoutMs },
    )
  }

  /** The status of an answer to this person. */
  async statusOf(path: string): Promise<number> {
    return (await this.page.request.get(path, { headers: { Accept: 'application/json' } })).status()
  }

  async crawl(id: string): Promise<CrawlState> {
    return (await (await this.page.request.get(`/api/crawls/${id}`)).json()) as CrawlState
  }

  async rows(id: string): Promise<{ url: string; state: string; reason: string | null }[]> {
    const rows: { url: string; state: string; reason: string | null }[] = []
    for (let since = 0, more = true; more; ) {
      const answer = await (await this.page.request.get(`/api/crawls/${id}/pages?since=${since}`)).json()
      rows.push(...answer.pages)
      since = answer.change
      more = answer.more
    }
    return rows
  }

  /** The job's log as the hub keeps it. */
  async log(id: string): Promise<LogEvent[]> {
    const events: LogEvent[] = []
    for (let since = 'start', upToDate = false; !upToDate; ) {
      const query = new URLSearchParams({ topic: `job:${id}`, since, limit: '1000' })
      const response = await this.page.request.get(`/tidings/events?${query}`, {
        headers: { Accept: 'application/json' },
      })
      const poll = await response.json()
      events.push(...poll.events)
      since = poll.cursor
      upToDate = poll.upToDate
    }
    return events
  }

  async archive(id: string): Promise<Uint8Array> {
    return await (await this.page.request.get(`${this.#url}/api/crawls/${id}/archive.zip`)).body()
  }

  /** What went on, for whoever has to find out why a test failed. */
  async describe(): Promise<string> {
    const crawls = await this.page.request.get('/api/crawls').then((response) => response.text(), String)
    const shown = await this.page.locator('body').innerText().catch(String)
    return `${crawls}\n${shown.slice(0, 1_500)}\npercents: ${this.percents.join(' ')}`
  }
}

declare global {
  interface Window {
    recordPercent(percent: number): void
    recordReceived(text: string): void
  }
}

/** Runs in the page before its own scripts. */
function record(): void {
  new MutationObserver((changes) => {
    for (const { target } of changes) {
      const bar = target instanceof Element ? target.closest('[role=progressbar]') : null
      if (bar) window.recordPercent(Number(bar.getAttribute('aria-valuenow')))
    }
  }).observe(document, { subtree: true, attributes: true, attributeFilter: ['aria-valuenow'] })
  // An element that comes into the page with its value is no mutation of an attribute.
  new MutationObserver(() => {
    const bar = document.querySelector('[role=progressbar][aria-valuenow]:not([data-recorded])')
    if (!bar) return
    bar.setAttribute('data-recorded', '')
    window.recordPercent(Number(bar.getAttribute('aria-valuenow')))
  }).observe(document, { subtree: true, childList: true })

  const fetchBefore = window.fetch
  window.fetch = async (input, init) => {
    const response = await fetchBefore(input, init)
    if (!String(input instanceof Request ? input.url : input).includes('/tidings/')) return response
    const copy = response.clone()
    void (async () => {
      const decoder = new TextDecoder()
      const reader = copy.body?.getReader()
      for (;;) {
        const read = await reader?.read()
        if (!read || read.done) break
        window.recordReceived(decoder.decode(read.value, { stream: true }))
      }
    })().catch(() => {})
    return response
  }
}
