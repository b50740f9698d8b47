import { setTimeout as wait } from 'node:timers/promises'
import type { Task } from './dispatcher.js'
import type { Page, TakenPage } from './pages.js'
import type { Report } from './work-api.js'

const firstPauseMs = 200
const longestPauseMs = 5_000
const timeoutMs = 30_000

/** `/work` as a worker sees it. A request whose answer was lost is sent again: taken pages come free, reports name their take. */
export class WorkClient {
  readonly #url: string
  readonly #getToken: () => string

  constructor(url: string, getToken: () => string) {
    this.#url = url
    this.#getToken = getToken
  }

  /** The next task; null when there was none for a while. */
  async take(): Promise<Task | null> {
    const response = await this.#post('take', {})
    return response.status === 200 ? ((await response.json()) as Task) : null
  }

  /** False: the page is no longer ours. */
  async keep({ crawl, number, takes }: TakenPage): Promise<boolean> {
    return (await this.#post('keep', { crawl, number, takes })).status === 204
  }

  /** The page as it is kept, to be counted; null: it is no longer ours. */
  async finish(report: Report): Promise<Page | null> {
    const response = await this.#post('finish', report)
    return response.status === 200 ? ((await response.json()) as Page) : null
  }

  async counted({ crawl, number }: Pick<TakenPage, 'crawl' | 'number'>): Promise<void> {
    await this.#post('counted', { crawl, number })
  }

  /** The job has ended: cancelled, or given up by the hub. */
  async ended(crawl: string): Promise<void> {
    await this.#post('ended', { crawl })
  }

  /** Throws when the server does not want this worker any more. */
  async #post(what: string, body: unknown): Promise<Response> {
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      const response = await fetch(`${this.#url}/work/${what}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${this.#getToken()}` },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(timeoutMs),
      }).catch(() => null)
      if (response && (response.ok || response.status === 409)) return response
      await response?.body?.cancel()
      if (response && response.status < 500) throw new Error(`/work/${what} was answered ${response.status}`)
      await wait(pauseMs)
    }
  }
}
