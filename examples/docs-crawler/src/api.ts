import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Hub } from 'tidings'
import { AddressRefused, checkHost } from './address-guard.js'
import { archiveName, writeArchive } from './archive.js'
import type { CrawlRequest, Crawling } from './crawling.js'
import type { Crawl, Crawls } from './crawls.js'
import type { Dispatcher } from './dispatcher.js'
import { notFound, Problem, readObject, sendJson } from './json-http.js'
import { pageAddress } from './links.js'
import type { Pages } from './pages.js'
import { cleanName, type Sessions, type Visitor } from './session.js'

const limits = { maxDepth: { from: 0, to: 20 }, maxPages: { from: 1, to: 5_000 } } as const
/** Crawls of one person that are open at a time. */
const openCrawls = 5

/** `/api/*`: what the page in the browser asks. Every answer is only of the visitor's own crawls; another's is 404, like none. */
export class Api {
  readonly #parts: ApiParts

  constructor(parts: ApiParts) {
    this.#parts = parts
  }

  async handle(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    query: URLSearchParams,
  ): Promise<void> {
    const { sessions, crawling, pages } = this.#parts
    const visitor = sessions.read(request.headers.cookie)
    const route = `${request.method} ${path}`
    if (route === 'POST /api/session') return await this.#signIn(request, response)
    if (route === 'GET /api/session') return sendJson(response, 200, visitor)
    if (!visitor) throw new Problem(401, 'unauthorized', 'Tell us your name first.')
    if (route === 'DELETE /api/session') return sendJson(response, 200, {}, { 'Set-Cookie': sessions.endingCookie })
    if (route === 'GET /api/crawls') return sendJson(response, 200, { crawls: await this.#listOf(visitor) })
    if (route === 'POST /api/crawls') return await this.#begin(visitor, request, response)

    const [, id = '', rest = ''] = /^\/api\/crawls\/([\w-]+)(\/.*)?$/.exec(path) ?? []
    const crawl = this.#own(visitor, id)
    if (request.method === 'POST' && rest === '/cancel')
      return sendJson(response, 200, { cancelled: await crawling.cancel(id) })
    if (request.method !== 'GET') throw notFound()
    if (rest === '') return sendJson(response, 200, await this.#shown(crawl))
    if (rest === '/pages') return sendJson(response, 200, pages.changedSince(id, Number(query.get('since')) || 0))
    if (rest === '/archive.zip') return await this.#archive(response, crawl)
    const number = Number(/^\/pages\/(\d{1,7})\.md$/.exec(rest)?.[1])
    const markdown = pages.markdown(id, number)
    if (markdown === null) throw notFound()
    response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' }).end(markdown)
  }

  async #signIn(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const name = cleanName((await readObject(request))['name'])
    if (name === null) throw new Problem(400, 'name_invalid', 'A name has 1–40 characters.', 'name')
    const visitor = this.#parts.sessions.create(name)
    sendJson(response, 200, visitor, { 'Set-Cookie': this.#parts.sessions.cookieFor(visitor) })
  }

  async #begin(visitor: Visitor, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const wanted = readCrawlRequest(await readObject(request), this.#parts.allowLoopback)
    const open = this.#parts.crawls.of(visitor.userId).filter(({ finalJob }) => finalJob === null)
    if (open.length >= openCrawls) {
      throw new Problem(429, 'too_many_crawls', `You have ${openCrawls} crawls under way. Wait for one, or cancel one.`)
    }
    const crawl = await this.#parts.crawling.begin(visitor.userId, wanted)
    this.#parts.dispatcher.wake()
    sendJson(response, 201, await this.#shown(crawl))
  }

  #own(visitor: Visitor, id: string): Crawl {
    const crawl = this.#parts.crawls.get(id)
    if (crawl?.owner !== visitor.userId) throw notFound()
    return crawl
  }

  async #listOf(visitor: Visitor): Promise<unknown[]> {
    return await Promise.all(this.#parts.crawls.of(visitor.userId).map((crawl) => this.#shown(crawl)))
  }

  /** A crawl with its job as it is, or as it ended. */
  async #shown({ id, url, maxDepth, maxPages, createdAt, finalJob }: Crawl): Promise<unknown> {
    return { id, url, maxDepth, maxPages, createdAt, job: finalJob ?? (await this.#parts.hub.jobs.snapshot(id)) }
  }

  async #archive(response: ServerResponse, crawl: Crawl): Promise<void> {
    response.writeHead(200, {
      'Content-Type': 'application/zip',
      'Content-Disposition': `attachment; filename="${archiveName(crawl)}"`,
      'Cache-Control': 'no-store',
    })
    await writeArchive(response, crawl, this.#parts.pages)
  }
}

export interface ApiParts {
  readonly hub: Hub
  readonly sessions: Sessions
  readonly crawls: Crawls
  readonly pages: Pages
  readonly crawling: Crawling
  readonly dispatcher: Dispatcher
  readonly allowLoopback: boolean
}

const hasScheme = /^[a-z][a-z\d+.-]*:\/\//i
/** What is served from one's own machine seldom has a certificate. */
const isOfThisMachine = /^(?:localhost|127\.[\d.]+|\[::1\])(?:[:/]|$)/i

/** Checks what a person asks to crawl. Throws a {@link Problem} that names the field. */
export function readCrawlRequest(body: Record<string, unknown>, allowLoopback: boolean): CrawlRequest {
  const given = typeof body['url'] === 'string' ? body['url'].trim() : ''
  const scheme = isOfThisMachine.test(given) ? 'http' : 'https'
  const url = pageAddress(hasScheme.test(given) ? given : `${scheme}://${given}`)
  if (given === '' || url === null) {
    throw new Problem(400, 'url_invalid', 'Give the address of a web page, such as https://docs.example.com/.', 'url')
  }
  try {
    checkHost(new URL(url), allowLoopback)
  } catch (error) {
    if (!(error instanceof AddressRefused)) throw error
    const hint = 'Start the crawler with --allow-loopback to read pages of your own machine or network.'
    throw new Problem(400, 'address_refused', `${error.message} ${hint}`, 'url')
  }
  return { url, maxDepth: wholeNumber(body, 'maxDepth', 3), maxPages: wholeNumber(body, 'maxPages', 100) }
}

function wholeNumber(body: Record<string, unknown>, field: keyof typeof limits, otherwise: number): number {
  const value = body[field] ?? otherwise
  const { from, to } = limits[field]
  if (!Number.isInteger(value) || (value as number) < from || (value as number) > to) {
    throw new Problem(400, 'limit_invalid', `"${field}" must be a whole number from ${from} to ${to}.`, field)
  }
  return value as number
}
