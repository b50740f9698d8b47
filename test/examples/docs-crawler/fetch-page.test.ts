import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { guardedAgent } from '../../../examples/docs-crawler/dist/address-guard.js'
import { convertPage } from '../../../examples/docs-crawler/dist/convert.js'
import { type FetchLimits, type Outcome, PageFetcher } from '../../../examples/docs-crawler/dist/fetch-page.js'
import { Robots } from '../../../examples/docs-crawler/dist/robots.js'

type Answer = (response: ServerResponse, request: IncomingMessage, count: number) => unknown

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

/** A real site on loopback, and a fetcher for it. */
async function site(routes: Record<string, Answer>, limits: Partial<FetchLimits> = {}) {
  const asked: string[] = []
  const server: Server = createServer((request, response) => {
    const path = request.url ?? ''
    asked.push(path)
    const answer = routes[path]
    if (answer) answer(response, request, asked.filter((other) => other === path).length)
    else response.writeHead(404).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const agent = guardedAgent(true)
  const convert = async (html: string, page: string) => convertPage(html, page)
  const fetcher = new PageFetcher(
    { dispatcher: agent, robots: new Robots(agent), convert },
    {
      timeoutMs: 2_000,
      bytes: 10_000,
      attempts: 3,
      backoffMs: 5,
      ...limits,
    },
  )
  closing.push(
    () => agent.destroy(),
    () => server.closeAllConnections(),
    () => server.close(),
  )
  const read = (path: string, signal = new AbortController().signal): Promise<Outcome> =>
    fetcher.read(`${url}${path}`, signal)
  const close = (): Promise<void> => new Promise((resolve) => server.close(() => resolve()))
  return { url, asked, read, close }
}

const html = (response: ServerResponse, body: string | Buffer, type = 'text/html'): void => {
  response.writeHead(200, { 'Content-Type': type }).end(body)
}

test('X1: a page comes back with title, Markdown, links and size', async () => {
  const { url, read } = await site({
    '/a': (response) =>
      html(response, '<title>A</title><p>Text <a href="/b">b</a> <a href="http://other.example/">o</a>'),
  })
  const outcome = await read('/a')
  expect(outcome).toMatchObject({ state: 'done', title: 'A', links: [`${url}/b`], bytes: 80 })
})

test('X1: robots.txt is obeyed, and asked once', async () => {
  const { asked, read } = await site({
    '/robots.txt': (response) => response.end('User-agent: *\nDisallow: /private/\nCrawl-delay: 2'),
    '/open': (response) => html(response, 'x'),
  })
  expect(await read('/private/x')).toEqual({ state: 'skipped', reason: 'robots.txt asks not to read it' })
  expect(await read('/open')).toMatchObject({ state: 'done' })
  expect(asked).toEqual(['/robots.txt', '/open'])
})

test('X1: where robots.txt cannot be had nothing is read', async () => {
  const { asked, read } = await site({ '/robots.txt': (response) => response.writeHead(503).end() })
  expect(await read('/a')).toMatchObject({
    state: 'failed',
    reason: expect.stringContaining('/robots.txt could not be read: answered 503'),
  })
  expect(asked).toEqual(['/robots.txt'])
})

test('X1: a site that does not answer is told by its address and what the socket said', async () => {
  const { url, read, close } = await site({})
  await close()
  expect(await read('/a')).toMatchObject({
    state: 'failed',
    reason: expect.stringMatching(`^${url}/robots.txt could not be read: connect ECONNREFUSED`),
  })
})

test('X1: a redirect within the site is a page of its own, one to elsewhere is skipped', async () => {
  const { url, asked, read } = await site({
    '/moved': (response) => response.writeHead(302, { Location: '/there#part' }).end(),
    '/away': (response) => response.writeHead(301, { Location: 'http://10.0.0.1/' }).end(),
    '/nowhere': (response) => response.writeHead(301).end(),
  })
  expect(await read('/moved')).toMatchObject({ state: 'skipped', redirect: `${url}/there` })
  expect(await read('/away')).toEqual({ state: 'skipped', reason: 'redirects to another site: http://10.0.0.1/' })
  expect(asked).toEqual(['/robots.txt', '/moved', '/away'])
})

test('X1: only HTML is read', async () => {
  const { read } = await site({ '/data': (response) => html(response, '{}', 'application/json') })
  expect(await read('/data')).toEqual({ state: 'skipped', reason: 'no HTML but application/json' })
})

test('X1: what may pass is tried again with a pause, and then counted as failed', async () => {
  const { asked, read } = await site({
    '/late': (response, _request, count) => (count < 3 ? response.writeHead(503).end() : html(response, 'x')),
    '/down': (response) => response.writeHead(500).end(),
    '/cut': (response) => response.destroy(),
  })
  expect(await read('/late')).toMatchObject({ state: 'done' })
  expect(await read('/down')).toEqual({ state: 'failed', reason: 'the site answered 500 (tried 3 times)' })
  expect(await read('/cut')).toMatchObject({ state: 'failed', reason: expect.stringContaining('(tried 3 times)') })
  expect(await read('/missing')).toEqual({ state: 'failed', reason: 'the site answered 404' })
  expect(asked.filter((path) => path === '/late')).toHaveLength(3)
  expect(asked.filter((path) => path === '/missing')).toHaveLength(1)
})

test('X1: a site that keeps silent costs a bounded time', async () => {
  const { read } = await site({ '/silent': () => {} }, { timeoutMs: 150, attempts: 2 })
  expect(await read('/silent')).toEqual({ state: 'failed', reason: 'no answer within 0.15 s (tried 2 times)' })
})

test('X1: a site that sends without end costs a bounded size', async () => {
  const { read } = await site(
    {
      '/endless': (response) => {
        response.writeHead(200, { 'Content-Type': 'text/html' })
        const timer = setInterval(() => response.write('x'.repeat(4_000)), 1)
        response.on('close', () => clearInterval(timer))
      },
    },
    { timeoutMs: 15_000 },
  )
  expect(await read('/endless')).toEqual({ state: 'failed', reason: 'over 10 kB' })
})

test('X1: the charset of the header or of the page is honoured', async () => {
  const latin = Buffer.from('<title>Gr\xfc\xdfe</title>', 'latin1')
  const { read } = await site({
    '/header': (response) => html(response, latin, 'text/html; charset=iso-8859-1'),
    '/meta': (response) => html(response, Buffer.concat([Buffer.from('<meta charset="iso-8859-1">'), latin])),
    '/unknown': (response) => html(response, '<title>ü</title>', 'text/html; charset=no-such'),
  })
  expect(await read('/header')).toMatchObject({ title: 'Grüße' })
  expect(await read('/meta')).toMatchObject({ title: 'Grüße' })
  expect(await read('/unknown')).toMatchObject({ title: 'ü' })
})

test('X1: a page that is no longer wanted is let go at once', async () => {
  const stop = new AbortController()
  const { read } = await site({ '/silent': () => stop.abort(new Error('gone')) })
  await expect(read('/silent', stop.signal)).rejects.toThrow('gone')
})
