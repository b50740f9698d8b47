import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Hub } from 'tidings'
import type { Crawling } from './crawling.js'
import type { Dispatcher } from './dispatcher.js'
import type { Outcome } from './fetch-page.js'
import { notFound, Problem, readObject, sendJson } from './json-http.js'
import type { Pacing } from './pacing.js'
import type { Pages } from './pages.js'

/** How long a worker's request for a page is held. */
const takeWaitMs = 10_000
/** A page is at most 5 MiB of HTML; its Markdown as JSON is not much more. */
const reportBytes = 32 * 1024 * 1024

/** `/work/*`: how worker processes take pages and report them. Counting goes to the hub, as a job's commands. */
export class WorkApi {
  readonly #hub: Hub
  readonly #crawling: Crawling
  readonly #dispatcher: Dispatcher
  readonly #pages: Pages
  readonly #pacing: Pacing

  constructor(parts: { hub: Hub; crawling: Crawling; dispatcher: Dispatcher; pages: Pages; pacing: Pacing }) {
    this.#hub = parts.hub
    this.#crawling = parts.crawling
    this.#dispatcher = parts.dispatcher
    this.#pages = parts.pages
    this.#pacing = parts.pacing
  }

  async handle(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    if (request.method !== 'POST') throw notFound()
    await this.#requireWorker(request)
    if (path === '/work/take') return await this.#take(response)
    const body = await readObject(request, reportBytes)
    const { crawl, number, takes } = body as { crawl: string; number: number; takes: number }
    switch (path) {
      case '/work/keep':
        return answer(response, this.#pages.keep(crawl, number, takes))
      case '/work/finish':
        return this.#finish(response, body as unknown as Report)
      case '/work/counted':
        this.#pages.counted(crawl, [number])
        await this.#crawling.settle(crawl)
        return answer(response, true)
      case '/work/ended':
        await this.#crawling.close(crawl)
        return answer(response, true)
      default:
        throw notFound()
    }
  }

  async #take(response: ServerResponse): Promise<void> {
    const gone = new AbortController()
    const timer = setTimeout(() => gone.abort(), takeWaitMs)
    response.on('close', () => gone.abort())
    const task = await this.#dispatcher.next(gone.signal)
    clearTimeout(timer)
    if (task) sendJson(response, 200, task)
    else response.writeHead(204).end()
  }

  #finish(response: ServerResponse, { crawl, number, takes, outcome, ms, url, siteDelayMs }: Report): void {
    this.#pacing.asks(new URL(url).host, siteDelayMs)
    const page = this.#pages.finish(crawl, number, takes, outcome, ms)
    if (!page) return answer(response, false)
    if (page.found > 0) this.#dispatcher.wake()
    sendJson(response, 200, page)
  }

  async #requireWorker(request: IncomingMessage): Promise<void> {
    const headers = { authorization: request.headers.authorization ?? '' }
    const principal = await this.#hub.authenticate(new Request('http://hub/', { headers })).catch(() => null)
    if (!principal?.publish.includes('job:*'))
      throw new Problem(401, 'unauthorized', 'This is for the worker processes of this server.')
  }
}

/** What a worker says of a page it has read. */
export interface Report {
  readonly crawl: string
  readonly number: number
  readonly takes: number
  readonly url: string
  readonly outcome: Outcome
  readonly ms: number
  /** What the site's robots.txt asks for between two requests. */
  readonly siteDelayMs: number
}

/** 409: the page is no longer this worker's. */
const answer = (response: ServerResponse, isOwn: boolean): void => {
  response.writeHead(isOwn ? 204 : 409).end()
}
