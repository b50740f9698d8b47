import type { Server } from 'node:http'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { toNodeHandler } from '#src/http/node.js'
import { createHub, type Hub } from '#src/index.js'
import { launch, servePage, skipped } from './page.js'

/** A worker that listens, and says what it hears. */
const workerCode = `import '/page/page.js'
const start = () => {
  if (!globalThis.tidings) return setTimeout(start, 10)
  const client = globalThis.tidings.createClient({ url: '/tidings' })
  client.subscribe('report:1', { '*': ({ data }) => postMessage(data) })
  client.status.subscribe(() => postMessage(client.status.getSnapshot().status))
}
start()`

describe.skipIf(skipped)('the life of a page in Chromium', () => {
  let hub: Hub
  let server: Server
  let url: string
  let browser: Browser
  /** What pages told the server: whoever drives the browser loses a page that goes into the back-forward cache. */
  const said: string[] = []
  /** Pages elsewhere that ask when to go back. */
  const leaving: (() => void)[] = []

  beforeAll(async () => {
    hub = await createHub({
      authenticate: (request) => {
        const user = /user=(\w+)/.exec(request.headers.get('Cookie') ?? '')?.[1]
        return user ? { userId: user, subscribe: ['report:*'] } : null
      },
    })
    const handler = toNodeHandler(hub, { basePath: '/tidings' })
    const page = await servePage((request, response, next) => {
      if (request.url === '/worker.js') {
        response.setHeader('Content-Type', 'text/javascript')
        response.end(workerCode)
      } else if (request.url === '/elsewhere') {
        response.setHeader('Content-Type', 'text/html')
        response.end('<!doctype html><script>fetch("/time-to-go").then(() => history.back())</script>')
      } else if (request.url === '/time-to-go') {
        leaving.push(() => response.end())
      } else if (request.url?.startsWith('/said?')) {
        said.push(decodeURIComponent(request.url.slice('/said?'.length)))
        response.end()
      } else handler(request, response, next)
    })
    server = page.server
    url = page.url
    browser = await launch()
  })

  afterAll(async () => {
    await browser?.close()
    await hub?.close({ drainMs: 0 })
    server?.closeAllConnections()
    server?.close()
  })

  async function visit(): Promise<Page> {
    const context = await browser.newContext()
    onTestFinished(() => context.close())
    const page = await context.newPage()
    await enter(page)
    return page
  }
  async function enter(page: Page): Promise<void> {
    await page.goto(url)
    await page.waitForFunction(() => globalThis.tidings !== undefined)
  }
  const listen = (page: Page, options: { identity?: string; resume?: 'tab' | 'browser' }) =>
    page.evaluate(async (more) => {
      globalThis.got = []
      const client = globalThis.tidings.createClient({ url: '/tidings', ...more })
      addEventListener('pageshow', ({ persisted }) => {
        if (persisted) void fetch('/said?back from the cache')
      })
      await new Promise<void>((resolve) => {
        client.status.subscribe(() => client.status.getSnapshot().status === 'connected' && resolve())
        client.subscribe('report:1', {
          '*': ({ data }) => {
            globalThis.got.push(data)
            void fetch(`/said?${data}`)
          },
        })
      })
    }, options)
  const heard = (page: Page, count: number) => page.waitForFunction((least) => globalThis.got.length >= least, count)
  const publish = (data: unknown) => hub.publish({ topic: 'report:1', type: 'report.updated', data })

  test.each([{}, { identity: '7' }])(
    'C2: into the back-forward cache and back, with %o: it goes on where it was',
    async (options) => {
      const page = await visit()
      await listen(page, options)
      said.length = 0
      await publish('before')
      await expect.poll(() => said).toEqual(['before'])
      await page.goto(`${url}/elsewhere`)
      await expect.poll(() => hub.stats().connections).toBe(0)
      await publish('meanwhile')
      await expect.poll(() => leaving.length).toBe(1)
      leaving.shift()?.()
      await expect.poll(() => said).toContain('meanwhile')
      await publish('after')
      await expect.poll(() => said).toContain('after')
      expect(said.filter((word) => word !== 'back from the cache')).toEqual(['before', 'meanwhile', 'after'])
      await expect.poll(() => said).toContain('back from the cache')
    },
  )

  test.each(['tab', 'browser'] as const)(
    'C2: left and visited again with resume "%s", a page gets what it missed, once',
    async (resume) => {
      const page = await visit()
      await listen(page, { resume })
      await publish('before')
      await heard(page, 1)
      await page.goto('about:blank')
      await publish('meanwhile')
      await enter(page)
      await listen(page, { resume })
      await publish('after')
      await heard(page, 2)
      expect(await page.evaluate(() => globalThis.got)).toEqual(['meanwhile', 'after'])
    },
  )

  test.each([{}, { identity: '7' }])(
    'C2: reloaded, with the cursor kept in session storage and %o, a page gets what it missed meanwhile, once, and another tab does not',
    async (options) => {
      const page = await visit()
      await listen(page, { ...options, resume: 'tab' })
      await publish('before')
      await heard(page, 1)
      await page.reload()
      // Nothing has made a client since the reload, so this comes while nobody listens.
      await expect.poll(() => hub.stats().connections).toBe(0)
      await publish('meanwhile')
      const kept = await page.evaluate(() => [sessionStorage.length, localStorage.length])
      expect(kept).toEqual([1, 0])
      await page.waitForFunction(() => globalThis.tidings !== undefined)
      await listen(page, { ...options, resume: 'tab' })
      await publish('after')
      await heard(page, 2)
      expect(await page.evaluate(() => globalThis.got)).toEqual(['meanwhile', 'after'])
      await page.evaluate(() => globalThis.got.splice(0))
      const other = await page.context().newPage()
      await enter(other)
      await listen(other, { resume: 'tab' })
      await publish('later')
      await heard(other, 1)
      expect(await other.evaluate(() => globalThis.got)).toEqual(['later'])
    },
  )

  test('C1: the client works in a web worker', async () => {
    const page = await visit()
    await page.evaluate(() => {
      globalThis.got = []
      const worker = new Worker('/worker.js', { type: 'module' })
      worker.onmessage = ({ data }) => globalThis.got.push(data)
    })
    await page.waitForFunction(() => globalThis.got.includes('connected'))
    await publish('to the worker')
    await page.waitForFunction(() => globalThis.got.includes('to the worker'))
  })
})
