import type { Server } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { toNodeHandler } from '#src/http/node.js'
import { createHub, type Hub } from '#src/index.js'
import { HeadedBrowser, type HeadedTab, skippedHeaded } from './headed.js'
import { servePage } from './page.js'

const listen = (options: object): string => `(async () => {
  globalThis.got = []
  globalThis.heard = []
  for (const name of ['freeze', 'resume', 'visibilitychange'])
    document.addEventListener(name, () => heard.push(name === 'visibilitychange' ? document.visibilityState : name))
  globalThis.client = tidings.createClient({ url: '/tidings', ...${JSON.stringify(options)} })
  await new Promise((resolve) => {
    client.status.subscribe(() => client.status.getSnapshot().status === 'connected' && resolve())
    client.subscribe('report:1', { '*': ({ data }) => got.push(data) })
  })
})()`

describe.skipIf(skippedHeaded)('a tab behind another one, in a real window', () => {
  let hub: Hub
  let server: Server
  let url: string
  let browser: HeadedBrowser

  beforeAll(async () => {
    hub = await createHub({
      authenticate: () => ({ userId: '7', subscribe: ['report:*'] }),
      heartbeatMs: 2_000,
      retryMs: { from: 50, to: 100 },
    })
    const page = await servePage(toNodeHandler(hub, { basePath: '/tidings' }))
    server = page.server
    url = page.url
    browser = await HeadedBrowser.launch()
  })

  afterAll(async () => {
    expect(browser?.complaints, 'nothing is thrown into the void').toEqual([])
    await browser?.close()
    await hub?.close({ drainMs: 0 })
    server?.closeAllConnections()
    server?.close()
  })

  const publish = (data: unknown) => hub.publish({ topic: 'report:1', type: 'report.updated', data })
  const got = (tab: HeadedTab) => tab.run<unknown[]>('got')
  const heard = (tab: HeadedTab) => tab.run<string[]>('heard')

  test.each([{}, { identity: '7' }])(
    'C2: hidden, with throttled timers, cut off, and shown again, with %o: it has every event once',
    async (options) => {
      const tab = await browser.open(url)
      await tab.run(listen(options))
      const other = await browser.open('about:blank')
      await expect.poll(() => heard(tab)).toEqual(['hidden'])
      // Timers of a hidden page are aligned to seconds at least.
      const tookMs = await tab.run<number>(`(async () => {
        const begun = performance.now()
        for (let n = 0; n < 6; n++) await new Promise((resolve) => setTimeout(resolve, 50))
        return performance.now() - begun
      })()`)
      console.log(`six timers of 50 ms in the hidden tab took ${Math.round(tookMs)} ms`)
      expect(tookMs).toBeGreaterThan(1_000)
      await publish('hidden')
      await expect.poll(() => got(tab)).toEqual(['hidden'])
      server.closeAllConnections()
      await publish('cut off')
      await expect.poll(() => got(tab)).toEqual(['hidden', 'cut off'])
      server.closeAllConnections()
      await publish('shown')
      await tab.show()
      await expect.poll(() => got(tab)).toEqual(['hidden', 'cut off', 'shown'])
      await expect.poll(() => heard(tab)).toEqual(['hidden', 'visible'])
      expect(await tab.run('client.status.getSnapshot().status')).toBe('connected')
      await tab.run('client.close()')
      await other.run('0')
    },
  )

  test.each([{}, { identity: '7' }])(
    'C2: frozen behind another tab, which its `freeze` event proves, and awake again, with %o: it has every event once',
    async (options) => {
      const tab = await browser.open(url)
      await tab.run(listen(options))
      await publish('before')
      await expect.poll(() => got(tab)).toEqual(['before'])
      const other = await browser.open('about:blank')
      await expect.poll(() => heard(tab)).toEqual(['hidden'])
      await tab.freeze()
      await publish('asleep')
      // Longer than the watchdog would wait.
      await new Promise((resolve) => setTimeout(resolve, 6_000))
      await publish('still asleep')
      await tab.wake()
      await tab.show()
      await expect.poll(() => got(tab)).toEqual(['before', 'asleep', 'still asleep'])
      expect(await heard(tab)).toContain('freeze')
      await publish('awake')
      await expect.poll(() => got(tab)).toContain('awake')
      await tab.run('client.close()')
      await other.run('0')
    },
  )
})
