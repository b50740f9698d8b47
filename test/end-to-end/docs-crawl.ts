import { existsSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { strFromU8, unzipSync } from 'fflate'
import { type Browser, chromium } from 'playwright-core'
import { expect } from 'vitest'
import { CrawlerProcess } from './crawler-process.js'
import { CrawlingPerson } from './crawling-person.js'
import { type DocumentServer, documents, serveDocuments } from './document-server.js'

const executablePath = '/usr/bin/chromium'
const flags =
  '--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync --no-first-run'

export const canCrawl = existsSync(executablePath) && existsSync(documents)

interface Scene {
  readonly pagesEach: number
  /** How long the document server takes for a page: the crawl must last long enough to be disturbed. */
  readonly documentDelayMs: number
  readonly timeoutMs: number
}

/** Two people crawl side by side while a worker and then the server are killed; see the tests for what must hold. */
export async function twoPeopleCrawl({
  pagesEach,
  documentDelayMs,
  timeoutMs,
}: Scene): Promise<{ pages: number[]; seconds: number }> {
  const crawler = new CrawlerProcess()
  let browser: Browser | null = null
  const sites: DocumentServer[] = []
  const people: CrawlingPerson[] = []
  try {
    for (const _ of ['Ada', 'Grace'])
      sites.push(await serveDocuments({ broken: ['/legalnotice.html'], delayMs: documentDelayMs }))
    await crawler.start()
    browser = await chromium.launch({ executablePath, args: flags.split(' ') })
    const ada = await CrawlingPerson.arrive(browser, crawler.url, 'Ada')
    const grace = await CrawlingPerson.arrive(browser, crawler.url, 'Grace')
    people.push(ada, grace)
    const startedAt = performance.now()
    const early = (share: number): number => Math.round(share * Math.min(pagesEach, 150))
    const ids = [
      await ada.begin(`${sites[0]?.url}/index.html`, pagesEach),
      await grace.begin(`${sites[1]?.url}/index.html`, pagesEach),
    ]

    await ada.sees(early(0.1), timeoutMs)
    await killWorker(crawler)
    await ada.sees(early(0.23), timeoutMs)
    await reload(ada)
    await ada.sees(early(0.37), timeoutMs)
    expect((await ada.crawl(ids[0] as string)).job.status, 'the server must be killed in the middle').toBe('running')
    await crawler.kill()
    await crawler.start()
    await Promise.all(
      people.map((person) => person.page.getByText('Done', { exact: true }).first().waitFor({ timeout: timeoutMs })),
    )
    const seconds = Math.round((performance.now() - startedAt) / 1_000)

    const pages = []
    for (const [index, person] of people.entries()) {
      const site = sites[index] as DocumentServer
      const id = ids[index] as string
      pages.push(await checkCrawl(person, id, site))
      await checkIsolation(person, ids[1 - index] as string, sites[1 - index] as DocumentServer)
    }
    return { pages, seconds }
  } catch (error) {
    console.error(crawler.errors)
    for (const person of people) console.error(await person.describe())
    throw error
  } finally {
    await browser?.close()
    await crawler.stop()
    for (const site of sites) site.close()
  }
}

async function killWorker(crawler: CrawlerProcess): Promise<void> {
  const before = crawler.workers()
  expect(before).toHaveLength(2)
  process.kill(before[0] as number, 'SIGKILL')
  while (crawler.workers().filter((pid) => pid !== before[0]).length < 2) await wait(20)
}

/** A reload in the middle shows the crawl at once, no lower than before. */
async function reload(person: CrawlingPerson): Promise<void> {
  const before = person.percents.at(-1) as number
  const shownBefore = person.percents.length
  await person.page.reload({ waitUntil: 'commit' })
  const reloadedAt = performance.now()
  while (person.percents.length === shownBefore) {
    expect(performance.now() - reloadedAt, 'the bar must be back at once').toBeLessThan(30_000)
    await wait(5)
  }
  expect(person.percents[shownBefore]).toBeGreaterThanOrEqual(before)
}

async function checkCrawl(person: CrawlingPerson, id: string, site: DocumentServer): Promise<number> {
  const { job } = await person.crawl(id)
  const { discovered = 0, processed = 0, failed = 0, skipped = 0 } = job.counters
  // Counters equal the distinct pages that the document server saw asked for.
  expect({ status: job.status, percent: job.percent }).toEqual({ status: 'completed', percent: 100 })
  expect(discovered).toBe(site.asked.size)
  expect(processed + failed + skipped).toBe(site.asked.size)
  expect(failed, 'the broken page is counted').toBeGreaterThanOrEqual(1)
  expect(job.result).toMatchObject({ discovered, processed, failed, skipped })

  // So do the rows, and the list on the screen.
  const rows = await person.rows(id)
  expect(new Set(rows.map(({ url }) => new URL(url).pathname))).toEqual(site.asked)
  expect(rows.length).toBe(site.asked.size)
  expect(rows.find(({ url }) => url.endsWith('/legalnotice.html'))).toMatchObject({
    state: 'failed',
    reason: 'the site answered 404',
  })
  await person.page.waitForFunction(
    (count) => document.querySelectorAll('.pages li[data-state=done]').length === count,
    processed,
  )

  // The bar only went forward, over the reload and the restart.
  expect(person.percents.at(-1)).toBe(100)
  expect(person.percents).toEqual([...person.percents].sort((one, other) => one - other))

  // The log: one end, each page told once, numbers rising.
  const log = await person.log(id)
  expect(
    log.filter(({ type }) => ['job.completed', 'job.failed', 'job.cancelled'].includes(type)).map(({ type }) => type),
  ).toEqual(['job.completed'])
  const told = log.filter(({ type }) => type === 'page.done').map(({ data }) => data['number'])
  expect(new Set(told).size).toBe(told.length)
  // A topic keeps the newest 1,000 events at least; a small crawl is all there.
  if (log.some(({ type }) => type === 'job.created')) expect(told.length).toBe(site.asked.size)
  const seqs = log.map(({ seq }) => seq)
  expect(seqs).toEqual([...seqs].sort((one, other) => one - other))

  const files = unzipSync(await person.archive(id))
  const names = Object.keys(files).filter((name) => name.startsWith('pages/'))
  expect(names).toHaveLength(processed)
  expect(strFromU8(files['pages/index.md'] as Uint8Array)).toContain('# PostgreSQL 15')
  return discovered
}

async function checkIsolation(person: CrawlingPerson, otherId: string, otherSite: DocumentServer): Promise<void> {
  // Nothing of the other's crawl reached this browser: not its id, not an address of its site.
  expect(person.received.length).toBeGreaterThan(10_000)
  expect(person.received).not.toContain(otherId)
  expect(person.received).not.toContain(otherSite.url)
  expect(await person.page.content()).not.toContain(otherSite.url)
  expect(await person.statusOf(`/api/crawls/${otherId}`)).toBe(404)
  expect(await person.statusOf(`/api/crawls/${otherId}/pages`)).toBe(404)
  expect(await person.statusOf(`/api/crawls/${otherId}/archive.zip`)).toBe(404)
  expect(await person.statusOf(`/tidings/jobs/${otherId}`)).toBe(404)
  expect(await person.statusOf(`/tidings/events?topic=job:${otherId}&since=start`)).toBe(403)
}
