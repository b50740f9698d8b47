import type { Server } from 'node:http'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { toNodeHandler } from '#src/http/node.js'
import { createHub, type Hub } from '#src/index.js'
import { bundle, launch, servePage, skipped } from '../browser/page.js'
import type {} from './page.js'

describe.skipIf(skipped)('in Chromium', () => {
  let hub: Hub
  let server: Server
  let url: string
  let browser: Browser

  beforeAll(async () => {
    hub = await createHub({
      authenticate: (request) => {
        const user = /user=(\w+)/.exec(request.headers.get('Cookie') ?? '')?.[1]
        return user ? { userId: user, subscribe: ['report:*'] } : null
      },
      retryMs: { from: 50, to: 100 },
    })
    const files = await bundle(join(import.meta.dirname, 'page.tsx'), 'development')
    const page = await servePage(toNodeHandler(hub, { basePath: '/tidings' }), files)
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

  /** A page of its own, signed in as user 7; what it asked the hub for, and what its console complained of. */
  async function open(
    path = '/',
  ): Promise<{ page: Page; asked: string[]; complaints: string[]; close: () => Promise<void> }> {
    const context = await browser.newContext()
    const page = await context.newPage()
    const asked: string[] = []
    const complaints: string[] = []
    page.on('request', (request) => {
      const { pathname } = new URL(request.url())
      if (pathname.startsWith('/tidings')) asked.push(pathname)
    })
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
    })
    await page.goto(url + path)
    await page.waitForFunction(() => globalThis.react !== undefined)
    return { page, asked, complaints, close: () => context.close() }
  }
  const text = (page: Page, id: string, expected: string): Promise<unknown> =>
    page.waitForFunction(([at, words]) => document.getElementById(at as string)?.textContent === words, [id, expected])

  test('C8: StrictMode opens one connection; leaving closes it and keeps nothing', async () => {
    const { page, asked, complaints, close } = await open()
    await page.evaluate(() => {
      const client = globalThis.react.createClient({ url: '/tidings' })
      const names = ['StatusWord', 'LastEvent', 'Feed', 'Ear'] as const
      const leave = globalThis.react.show(
        client,
        names.map((name) => ({ name })),
      )
      globalThis.kept = { client, leave, errors: [] }
    })
    await text(page, 'status', 'connected')
    await hub.publish({ topic: 'report:1', type: 'a', data: 1 })
    await hub.publish({ to: { users: ['7'] }, type: 'notification', data: 'ready' })
    await text(page, 'feed', '1')
    await text(page, 'last', '"ready"')
    expect(await page.evaluate(() => globalThis.react.heard)).toEqual(['ready'])
    expect(hub.stats().connections).toBe(1)
    await page.evaluate(() => globalThis.kept.leave())
    await expect.poll(() => hub.stats().connections).toBe(0)
    expect(await page.evaluate(() => globalThis.kept.client.status.getSnapshot().status)).toBe('idle')
    expect(asked).toEqual(['/tidings/events'])
    expect(complaints).toEqual([])
    await close()
  })

  test('C8: at 1,000 events a second a component renders once an animation frame, and one that reads only the state not at all', async () => {
    const { page, complaints, close } = await open()
    await page.evaluate(() => {
      const client = globalThis.react.createClient({ url: '/tidings' })
      const names = ['StatusWord', 'LastEvent', 'Feed'] as const
      const leave = globalThis.react.show(
        client,
        names.map((name) => ({ name })),
        false,
      )
      globalThis.kept = { client, leave, errors: [] }
    })
    await text(page, 'status', 'connected')
    const before = await page.evaluate(() => {
      const at = { ...globalThis.react.renders, frames: 0 }
      const count = (): void => {
        at.frames++
        requestAnimationFrame(count)
      }
      count()
      globalThis.kept.errors = [at]
      return { ...at }
    })
    const events = 2_000
    const began = performance.now()
    for (let sent = 0; sent < events; ) {
      const due = Math.min(events, Math.ceil(performance.now() - began))
      for (; sent < due; sent++) void hub.publish({ topic: 'report:1', type: 'a', data: sent })
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    const perSecond = Math.round((events * 1_000) / (performance.now() - began))
    await text(page, 'last', String(events - 1))
    const after = await page.evaluate(() => ({
      ...globalThis.react.renders,
      frames: (globalThis.kept.errors[0] as { frames: number }).frames,
    }))
    const grown = (name: keyof typeof after): number => (after[name] as number) - (before[name] as number)
    const counts = {
      perSecond,
      frames: grown('frames'),
      feed: grown('Feed' as never),
      last: grown('LastEvent' as never),
    }
    console.log('renders', counts)
    expect(grown('StatusWord' as never)).toBe(0)
    for (const name of ['Feed', 'LastEvent']) {
      expect(grown(name as never)).toBeLessThanOrEqual(counts.frames + 1)
      expect(grown(name as never)).toBeGreaterThan(counts.frames / 4)
    }
    expect(complaints).toEqual([])
    await close()
  })

  test('C8: useJob follows a job to its end, with a token where nobody else may read it; useJobs lists them', async () => {
    const { page, complaints, close } = await open()
    const { job } = await hub.jobs.create({ owner: 'user:7', kind: 'crawl', total: 2 })
    const { job: foreign, token } = await hub.jobs.create({ owner: 'user:8', kind: 'crawl', total: 4 })
    await page.evaluate(
      ([id, other, key]) => {
        const client = globalThis.react.createClient({ url: '/tidings' })
        globalThis.react.show(client, [{ name: 'Watched', props: { id } }, { name: 'Jobs' }])
        globalThis.kept = { client, leave: () => {}, errors: [{ id: other, token: key }] }
      },
      [job.id, foreign.id, token],
    )
    await text(page, 'job', 'queued 0')
    await text(page, 'jobs', 'crawl queued')
    await hub.jobs.run(job.id, async (running) => {
      void running.increment({ processed: 1 })
      await text(page, 'job', 'running 50')
      void running.increment({ processed: 1 })
    })
    await text(page, 'job', 'completed 100')
    await text(page, 'jobs', 'crawl completed')
    expect(complaints).toEqual([])
    await close()
    void foreign
    void token
  })
})
