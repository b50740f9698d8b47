import { expect, onTestFinished, test } from 'vitest'
import { toNodeHandler } from '#src/http/node.js'
import { createHub } from '#src/index.js'
import { launch, servePage, skipped } from './page.js'

test.skipIf(skipped)('A2, A5: six tabs whose token is refused make one refresh for all of them', async () => {
  let mints = 0
  let streams = 0
  const hub = await createHub({
    // The session is good for tokens only, so that it is the token that opens streams.
    authenticate: (request) => (new URL(request.url).pathname === '/tokens' ? { userId: '7' } : null),
    retryMs: { from: 50, to: 100 },
  })
  const handler = toNodeHandler(hub, { basePath: '/tidings' })
  const { server, url } = await servePage((request, response, next) => {
    if (request.url === '/tidings/tokens') mints++
    if (request.url?.startsWith('/tidings/events')) streams++
    handler(request, response, next)
  })
  const browser = await launch()
  onTestFinished(async () => {
    await browser.close()
    await hub.close({ drainMs: 0 })
    server.closeAllConnections()
    server.close()
  })
  const context = await browser.newContext()
  const tabs = []
  for (let n = 0; n < 6; n++) {
    const page = await context.newPage()
    await page.goto(url)
    await page.waitForFunction(() => globalThis.tidings !== undefined)
    await page.evaluate(() => {
      globalThis.got = []
      const { createClient, tokenFrom } = globalThis.tidings
      const client = createClient({ url: '/tidings', identity: '7', getToken: tokenFrom('/tidings/tokens') })
      const { dataset } = document.documentElement
      const show = () => Object.assign(dataset, { status: client.status.getSnapshot().status })
      client.status.subscribe(show)
      client.onError((error) => Object.assign(dataset, { error: error.kind }))
      client.subscribe('all', { '*': ({ data }) => globalThis.got.push(data) })
    })
    await page.waitForSelector('html[data-status="connected"]', { state: 'attached' })
    tabs.push(page)
  }
  // Each has asked once who it is for.
  expect(mints).toBeLessThanOrEqual(6)
  for (const round of [1, 2]) {
    const before = { streams, mints }
    await hub.revoke({ user: '7' })
    await expect.poll(() => streams).toBeGreaterThan(before.streams)
    await expect.poll(() => hub.stats().connections).toBe(1)
    await hub.publish({ topic: 'all', type: 'n', data: round })
    for (const page of tabs) await page.waitForFunction((least) => globalThis.got.at(-1) === least, round)
    expect(mints).toBe(before.mints + 1)
  }
  const errors = await Promise.all(
    tabs.map((page) => page.evaluate(() => document.documentElement.dataset.error ?? null)),
  )
  expect(errors).toEqual(Array(6).fill(null))
})
