import type { Server } from 'node:http'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { toNodeHandler } from '#src/http/node.js'
import { createHub, type Hub } from '#src/index.js'
import { type FaultProxy, faultProxy } from '#src/testing/index.js'
import { launch, servePage, skipped } from './page.js'

describe.skipIf(skipped)('in Chromium', () => {
  let hub: Hub
  let server: Server
  let proxy: FaultProxy
  let browser: Browser

  beforeAll(async () => {
    hub = await createHub({
      authenticate: (request) => {
        const user = /user=(\w+)/.exec(request.headers.get('Cookie') ?? '')?.[1]
        return user ? { userId: user, subscribe: ['report:*'] } : null
      },
      heartbeatMs: 1_000,
      retryMs: { from: 50, to: 100 },
    })
    const page = await servePage(toNodeHandler(hub, { basePath: '/tidings' }))
    server = page.server
    proxy = await faultProxy({ port: page.port })
    browser = await launch()
  })

  // One that fails while nothing passes does not take the others with it.
  afterEach(() => proxy.set({}))

  afterAll(async () => {
    await browser?.close()
    await proxy?.close()
    await hub?.close({ drainMs: 0 })
    server?.closeAllConnections()
    server?.close()
  })

  /** A page of its own, signed in as user 7, and the errors that nobody caught in it. */
  async function open(): Promise<{ page: Page; errors: Error[] }> {
    const context = await browser.newContext()
    onTestFinished(() => context.close())
    const page = await context.newPage()
    const errors: Error[] = []
    page.on('pageerror', (error) => errors.push(error))
    await page.goto(proxy.url)
    await page.waitForFunction(() => globalThis.tidings !== undefined)
    return { page, errors }
  }
  const heard = (page: Page, count: number): Promise<unknown> =>
    page.waitForFunction((least) => globalThis.got.length >= least, count)
  const got = (page: Page): Promise<unknown[]> => page.evaluate(() => globalThis.got)
  const publish = (data: unknown) => hub.publish({ topic: 'report:1', type: 'report.updated', data })

  test('C1, C2: the bundled client gets every event once, through cut and silent connections; one stream carries it all', async () => {
    const { page, errors } = await open()
    const { job } = await hub.jobs.create({ owner: 'user:7', kind: 'crawl', total: 2 })
    await page.evaluate((jobId) => {
      globalThis.got = []
      const client = globalThis.tidings.createClient({ url: '/tidings' })
      const dataset = document.documentElement.dataset
      client.status.subscribe(() => {
        dataset.status = client.status.getSnapshot().status
      })
      client.subscribe('report:1', { 'report.updated': ({ data }) => globalThis.got.push(data) })
      client.on('notification', ({ data }) => {
        dataset.notification = String(data)
      })
      const view = client.job(jobId)
      view.subscribe(() => {
        dataset.percent = String(view.getSnapshot()?.percent)
      })
    }, job.id)
    await page.waitForSelector('html[data-status="connected"][data-percent="0"]', { state: 'attached' })
    // A stream for more topics is up before the one that it takes the place of closes.
    await expect.poll(() => hub.stats().connections).toBe(1)

    for (let n = 0; n < 10; n++) await publish(n)
    await heard(page, 10)
    proxy.cut()
    for (let n = 10; n < 20; n++) await publish(n)
    await heard(page, 20)
    proxy.set({ halfOpen: true })
    for (let n = 20; n < 30; n++) await publish(n)
    // It waits for a moment only, then tries again, which nobody answers either.
    await page.waitForSelector('html:not([data-status="connected"])', { state: 'attached' })
    proxy.set({})
    proxy.cut()
    await heard(page, 30)
    await hub.publish({ to: { users: ['7'] }, type: 'notification', data: 'ready' })
    await hub.jobs.run(job.id, async (running) => void running.increment({ processed: 2 }))
    await page.waitForSelector('html[data-notification="ready"][data-percent="100"]', { state: 'attached' })
    expect(await got(page)).toEqual(Array.from({ length: 30 }, (_, n) => n))
    expect(errors).toEqual([])
  })

  test('C9: from createClient to the first event the page asks for nothing but its stream', async () => {
    const { page } = await open()
    const asked: string[] = []
    page.on('request', (request) => asked.push(new URL(request.url()).pathname))
    await page.evaluate(() => {
      globalThis.got = []
      const client = globalThis.tidings.createClient({ url: '/tidings' })
      client.status.subscribe(() => {
        document.documentElement.dataset.status = client.status.getSnapshot().status
      })
      client.subscribe('report:1', { '*': ({ data }) => globalThis.got.push(data) })
    })
    await page.waitForSelector('html[data-status="connected"]', { state: 'attached' })
    await publish('first')
    await heard(page, 1)
    expect(asked).toEqual(['/tidings/events'])
  })

  test('C2: offline and online again, the client shows both and continues where it was', async () => {
    const { page } = await open()
    await page.evaluate(() => {
      globalThis.got = []
      const client = globalThis.tidings.createClient({ url: '/tidings' })
      client.status.subscribe(() => {
        document.documentElement.dataset.status = client.status.getSnapshot().status
      })
      client.subscribe('report:1', { '*': ({ data }) => globalThis.got.push(data) })
    })
    await page.waitForSelector('html[data-status="connected"]', { state: 'attached' })
    await page.context().setOffline(true)
    proxy.cut()
    await page.waitForSelector('html[data-status="offline"]', { state: 'attached' })
    await publish('while away')
    await page.context().setOffline(false)
    await heard(page, 1)
    expect(await got(page)).toEqual(['while away'])
  })

  test('C10: the browser’s own EventSource works against the hub, and resumes by itself', async () => {
    const { page } = await open()
    await page.evaluate(async () => {
      globalThis.got = []
      const source = new EventSource('/tidings/events?topic=report:1')
      source.addEventListener('report.updated', (event) => globalThis.got.push(JSON.parse(event.data).data))
      await new Promise((resolve) => source.addEventListener('hello', resolve, { once: true }))
    })
    for (let n = 0; n < 5; n++) await publish(n)
    await heard(page, 5)
    proxy.cut({ gracefully: true })
    for (let n = 5; n < 10; n++) await publish(n)
    await heard(page, 10)
    expect(await got(page)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  test('C10: with `named=false` onmessage hears every type, and the person’s own topics need no name', async () => {
    const { page } = await open()
    await page.evaluate(async () => {
      globalThis.got = []
      const source = new EventSource('/tidings/events?named=false')
      source.onmessage = ({ data }) => globalThis.got.push(JSON.parse(data))
      await new Promise((resolve) => source.addEventListener('hello', resolve, { once: true }))
    })
    await hub.publish({ to: { users: ['7'] }, type: 'notification', data: 1 })
    await hub.publish({ to: { users: ['8'] }, type: 'notification', data: 'of somebody else' })
    await hub.publish({ topic: 'all', type: 'news', data: 2 })
    await heard(page, 2)
    expect(await got(page)).toMatchObject([
      { type: 'notification', topic: 'user:7', data: 1 },
      { type: 'news', topic: 'all', data: 2 },
    ])
  })
})
