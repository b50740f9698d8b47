import { connectJobs } from 'tidings/worker'
import { guardedAgent } from './address-guard.js'
import { Converter } from './converter.js'
import { countId, countUpdate } from './count.js'
import { type Outcome, PageFetcher } from './fetch-page.js'
import type { Page, TakenPage } from './pages.js'
import { Robots } from './robots.js'
import { WorkClient } from './work-client.js'

/** A worker process: takes pages from the server, reads them, makes Markdown, and counts them in the crawl's job over HTTP. */
const url = environment('CRAWLER_URL')
let token = environment('CRAWLER_TOKEN')
const takenMs = Number(environment('CRAWLER_TAKEN_MS'))

process.on('message', (message: { token?: string }) => {
  token = message.token ?? token
})
// Ctrl+C reaches the whole group of processes; the server ends its workers itself.
process.on('SIGINT', () => {})
// The server is gone; the next one starts its own workers.
process.on('disconnect', () => process.exit(0))

const work = new WorkClient(url, () => token)
const jobs = connectJobs({ url: `${url}/tidings`, getToken: () => token })
const agent = guardedAgent(process.env['CRAWLER_ALLOW_LOOPBACK'] === '1', { connections: 6 })
const robots = new Robots(agent)
const converter = new Converter()
const fetcher = new PageFetcher({ dispatcher: agent, robots, convert: (html, page) => converter.convert(html, page) })

async function lane(): Promise<never> {
  for (;;) {
    const task = await work.take()
    if (!task) continue
    try {
      const { crawl, takes: _, ...page } = task.page
      const finished = task.kind === 'read' ? await read(task.page) : page
      if (finished) await count(crawl, finished)
    } catch (error) {
      // The page comes free by itself; whoever takes it next goes on from where this stopped.
      console.error(`docs-crawler: ${task.page.url}:`, error)
    }
  }
}

/** Reads a page and hands it in. Null when it is no longer ours, because the crawl ended or another worker has it. */
async function read(page: TakenPage): Promise<Page | null> {
  const job = jobs.open(page.crawl)
  const lost = new AbortController()
  const keeping = setInterval(() => {
    work.keep(page).then(
      (isOwn) => isOwn || lost.abort(),
      () => lost.abort(),
    )
  }, takenMs / 3)
  try {
    void job.set({ current: { number: page.number, url: page.url, worker: environment('CRAWLER_WORKER') } })
    const startedAt = performance.now()
    const outcome: Outcome = await fetcher.read(page.url, lost.signal)
    const { crawl, number, takes } = page
    const siteDelayMs = await robots.rulesOf(new URL(page.url).origin).then(
      (rules) => rules.delayMs,
      () => 0,
    )
    const ms = Math.round(performance.now() - startedAt)
    return await work.finish({ crawl, number, takes, url: page.url, outcome, ms, siteDelayMs })
  } catch (error) {
    if (lost.signal.aborted) return null
    throw error
  } finally {
    clearInterval(keeping)
    job.close()
  }
}

/** The row is kept first and counted then, under an id of its own: whoever does it, and however often, it counts once. */
async function count(crawl: string, page: Page): Promise<void> {
  const job = jobs.open(crawl)
  try {
    const accepted = await job.update(countUpdate(page), { id: countId(crawl, page) })
    if (accepted) await work.counted({ crawl, number: page.number })
    else await work.ended(crawl)
  } finally {
    job.close()
  }
}

function environment(name: string): string {
  const value = process.env[name]
  if (value === undefined) throw new Error(`A worker is started by the server, which sets ${name}.`)
  return value
}

await Promise.all(Array.from({ length: Number(environment('CRAWLER_LANES')) }, lane))
