import { describe, expect, onTestFinished, test } from 'vitest'
import { toNodeHandler } from '#src/http/node.js'
import { createHub } from '#src/index.js'
import { launch, servePage, skipped } from './page.js'

describe.skipIf(skipped)('history in Chromium', () => {
  test('C1: a second tab that asks for a topic from its start gets all of it, in order and once, over the connection that both share', async () => {
    const hub = await createHub({ authenticate: () => ({ userId: '7', subscribe: ['report:*'] }) })
    const { server, url } = await servePage(toNodeHandler(hub, { basePath: '/tidings' }))
    const browser = await launch()
    onTestFinished(async () => {
      await browser.close()
      await hub.close({ drainMs: 0 })
      server.closeAllConnections()
      server.close()
    })
    const context = await browser.newContext()
    const open = async (topic: string, since?: string) => {
      const page = await context.newPage()
      await page.goto(url)
      await page.waitForFunction(() => globalThis.tidings !== undefined)
      await page.evaluate(
        ([name, from]) => {
          globalThis.got = []
          const client = globalThis.tidings.createClient({ url: '/tidings', identity: '7' })
          client.subscribe(name as string, { '*': ({ data }) => globalThis.got.push(data) }, { since: from })
        },
        [topic, since],
      )
      return page
    }
    const first = await open('report:1')
    await expect.poll(() => hub.stats().connections).toBe(1)
    let published = 0
    const publish = () => hub.publish({ topic: 'report:2', type: 'report.updated', data: published++ })
    while (published < 600) await publish()
    const opening = open('report:2', 'start')
    for (let n = 0; n < 300; n++) {
      await publish()
      await new Promise((resolve) => setTimeout(resolve, 3))
    }
    const second = await opening
    await second.waitForFunction((all) => globalThis.got.length >= all, published)
    expect(await second.evaluate(() => globalThis.got)).toEqual(Array.from({ length: published }, (_, n) => n))
    expect(await first.evaluate(() => globalThis.got)).toEqual([])
    await expect.poll(() => hub.stats().connections).toBe(1)
  })
})
