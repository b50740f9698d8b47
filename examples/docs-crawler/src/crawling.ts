import { randomUUID } from 'node:crypto'
import type { Hub, JobError, NewJob, TidingsEvent } from 'tidings'
import { pageDone } from './count.js'
import type { Crawl, Crawls } from './crawls.js'
import type { Page, Pages } from './pages.js'

export interface CrawlRequest {
  readonly url: string
  readonly maxDepth: number
  readonly maxPages: number
}

/** Ten seconds are a third of a job's lease. */
const renewEveryMs = 10_000

/** The life of a crawl: its rows here and its job in the hub begin together, go on together after a crash, and end together. */
export class Crawling {
  readonly #hub: Hub
  readonly #crawls: Crawls
  readonly #pages: Pages
  readonly #mintToken: () => Promise<string>

  /** `mintToken` gives a bearer token that may read every job's events. */
  constructor(hub: Hub, crawls: Crawls, pages: Pages, mintToken: () => Promise<string>) {
    this.#hub = hub
    this.#crawls = crawls
    this.#pages = pages
    this.#mintToken = mintToken
  }

  async begin(owner: string, request: CrawlRequest): Promise<Crawl> {
    const id = randomUUID()
    // Rows first: a crash in between leaves a crawl whose job `resume` makes, never a job that nobody works on.
    this.#crawls.add({ id, owner, ...request, createdAt: Date.now() })
    this.#pages.seed(id, request.url)
    const crawl = this.#crawls.get(id) as Crawl
    await this.#hub.jobs.create(newJob(crawl, { discovered: 1 }))
    return crawl
  }

  /** False: it had ended. */
  async cancel(id: string): Promise<boolean> {
    const cancelled = await this.#hub.jobs.cancel(id)
    await this.close(id)
    return cancelled
  }

  /** Ends the job once every page is read and counted. Safe to call at any time, by anybody, more than once: a job has one end. */
  async settle(id: string): Promise<void> {
    if (this.#crawls.get(id)?.finalJob !== null || !this.#pages.isFinished(id)) return
    const job = this.#hub.jobs.open(id)
    const statistics = this.#pages.statistics(id)
    await (statistics.processed > 0 ? job.complete(statistics) : job.fail(nothingRead))
    job.close()
    await this.close(id)
  }

  /** Takes the end of the job over into the crawl's row, if it has ended: cancelled, stalled or completed. */
  async close(id: string): Promise<void> {
    const job = await this.#hub.jobs.snapshot(id)
    if (!job || job.endedAt === null || this.#crawls.get(id)?.finalJob !== null) return
    this.#crawls.end(id, job)
    this.#pages.giveUp(id)
  }

  /**
   * Before the first worker starts: goes on with the crawls that a killed server left. A page whose counting was under way
   * was counted exactly if its event is in the job's log, because the hub keeps both in one step; the rest are counted now,
   * by the workers. The log reaches back a day: that is how long a server may be away without counting a page twice.
   */
  async resume(): Promise<number> {
    this.#pages.releaseAll()
    const open = this.#crawls.open()
    for (const crawl of open) {
      const job = await this.#hub.jobs.snapshot(crawl.id)
      if (!job) await this.#hub.jobs.create(newJob(crawl, countersOf(this.#pages, crawl.id)))
      const uncounted = this.#pages.uncounted(crawl.id)
      if (job && uncounted.length > 0) {
        const told = await this.#toldPages(crawl.id)
        this.#pages.counted(
          crawl.id,
          uncounted.filter((number) => told.has(number)),
        )
      }
      await this.close(crawl.id)
      await this.settle(crawl.id)
    }
    return this.#crawls.open().length
  }

  /** Renews the leases of crawls that wait for others, while `isAlive` says that somebody could work on them. */
  keepLeases(isAlive: () => boolean): { stop(): void } {
    const timer = setInterval(() => {
      if (!isAlive()) return
      for (const { id, started } of this.#crawls.open()) {
        if (started) this.#renew(id).catch((error: unknown) => console.error('docs-crawler: renewing a lease:', error))
      }
    }, renewEveryMs)
    return { stop: () => clearInterval(timer) }
  }

  async #renew(id: string): Promise<void> {
    const job = this.#hub.jobs.open(id)
    const accepted = await job.renew()
    // A handle renews by itself from its first answer on, also when every worker is dead; this one must not.
    job.close()
    if (!accepted) await this.close(id)
  }

  /** The numbers of the pages that the job's log tells of. */
  async #toldPages(id: string): Promise<Set<number>> {
    const told = new Set<number>()
    const headers = { Accept: 'application/json', Authorization: `Bearer ${await this.#mintToken()}` }
    for (let since = 'start', upToDate = false; !upToDate; ) {
      const query = new URLSearchParams({ topic: `job:${id}`, type: pageDone, since, limit: '1000' })
      const response = await this.#hub.fetch(new Request(`http://hub/events?${query}`, { headers }))
      if (response.status === 204) break
      if (!response.ok) throw new Error(`Reading the log of job ${id} was answered ${response.status}.`)
      const poll = (await response.json()) as {
        events: TidingsEvent<string, Page>[]
        cursor: string
        upToDate: boolean
      }
      for (const { data } of poll.events) told.add(data.number)
      ;({ cursor: since, upToDate } = poll)
    }
    return told
  }
}

const nothingRead: JobError = {
  code: 'nothing_read',
  message: 'No page could be read: the list below says why.',
  retryable: false,
}

const newJob = ({ id, owner, url, maxDepth, maxPages }: Crawl, counters: NonNullable<NewJob['counters']>): NewJob => ({
  id,
  owner: `user:${owner}`,
  kind: 'crawl',
  counters,
  meta: { url, maxDepth, maxPages },
})

/** For a job that the hub does not know (its file was taken away): what the rows say. */
function countersOf(
  pages: Pages,
  id: string,
): { discovered: number; processed: number; failed: number; skipped: number } {
  const { discovered, processed, failed, skipped } = pages.statistics(id)
  pages.counted(id, pages.uncounted(id))
  return { discovered, processed, failed, skipped }
}
