import type { Server } from 'node:http'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { createElement } from 'react'
import { renderToString } from 'react-dom/server'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createClient } from '#src/client/index.js'
import { toNodeHandler } from '#src/http/node.js'
import { createHub, type Hub } from '#src/index.js'
import { type FaultProxy, faultProxy } from '#src/testing/index.js'
import { bundle, launch, servePage, skipped } from '../browser/page.js'
import { App } from './app.js'
import type {} from './page.js'

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
      retryMs: { from: 50, to: 100 },
      // A job that fails on purpose is no news.
      onError: () => {},
    })
    const files = await bundle(join(import.meta.dirname, 'page.tsx'))
    const page = await servePage(toNodeHandler(hub, { basePath: '/tidings' }), files)
    server = page.server
    proxy = await faultProxy({ port: page.port })
    browser = await launch()
  })

  afterAll(async () => {
    await browser?.close()
    await proxy?.close()
    await hub?.close({ drainMs: 0 })
    server?.closeAllConnections()
    server?.close()
  })

  /** A page of its own, signed in as user 7; what it asked the hub for, and what its console complained of. */
  async function open(path = '/'): Promise<{ page: Page; asked: string[]; complaints: string[] }> {
    const context = await browser.newContext()
    onTestFinished(() => context.close())
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
    await page.goto(proxy.url + path)
    await page.waitForFunction(() => globalThis.react !== undefined)
    return { page, asked, complaints }
  }
  const text = (page: Page, id: string, expected: string): Promise<unknown> =>
    page.waitForFunction(([at, words]) => document.getElementById(at as string)?.textContent === words, [id, expected])
  /** The one element of this role, as the browser tells it to a screen reader. */
  async function accessible(page: Page, role: string): Promise<Record<string, unknown>> {
    const session = await page.context().newCDPSession(page)
    const { nodes } = await session.send('Accessibility.getFullAXTree')
    const found = nodes.filter((node) => node.role?.value === role)
    expect(found.length).toBe(1)
    const { name, value, properties = [] } = found[0] as (typeof nodes)[number]
    return {
      name: name?.value,
      value: value?.value,
      ...Object.fromEntries(properties.map((property) => [property.name, property.value.value])),
    }
  }

  test('C8: StrictMode opens one connection; leaving closes it and keeps nothing', async () => {
    const { page, asked, complaints } = await open()
    await page.evaluate(() => {
      const client = globalThis.react.createClient({ url: '/tidings' })
      // What was subscribed to and not left yet.
      const held: unknown[] = []
      const counted =
        <Args extends unknown[]>(subscribe: (...args: Args) => () => void) =>
        (...args: Args) => {
          const undo = subscribe(...args)
          held.push(undo)
          return () => {
            held.splice(held.indexOf(undo), 1)
            undo()
          }
        }
      const watched = {
        ...client,
        subscribe: counted(client.subscribe),
        on: counted(client.on as () => () => void) as typeof client.on,
        status: { ...client.status, subscribe: counted(client.status.subscribe) },
      }
      const names = ['StatusWord', 'LastEvent', 'Feed', 'Ear'] as const
      const asked = names.map((name) => ({ name }))
      globalThis.kept = { client, leave: globalThis.react.show(watched, asked), seen: held }
    })
    await text(page, 'status', 'connected')
    await hub.publish({ topic: 'report:1', type: 'a', data: 1 })
    await hub.publish({ to: { users: ['7'] }, type: 'notification', data: 'ready' })
    await text(page, 'feed', '1')
    await text(page, 'last', '"ready"')
    expect(await page.evaluate(() => globalThis.react.heard)).toEqual(['ready'])
    await expect.poll(() => hub.stats().connections).toBe(1)
    expect(await page.evaluate(() => globalThis.kept.seen.length)).toBe(4)
    await page.evaluate(() => globalThis.kept.leave())
    await expect.poll(() => hub.stats().connections).toBe(0)
    expect(await page.evaluate(() => globalThis.kept.seen.length)).toBe(0)
    expect(await page.evaluate(() => globalThis.kept.client.status.getSnapshot().status)).toBe('idle')
    expect(asked).toEqual(['/tidings/events'])
    expect(complaints).toEqual([])
  })

  test('C8: at 1,000 events a second a component renders once an animation frame, and one that reads only the state not at all', async () => {
    const { page, complaints } = await open()
    await page.evaluate(() => {
      const client = globalThis.react.createClient({ url: '/tidings' })
      const names = ['StatusWord', 'LastEvent', 'Feed'] as const
      const leave = globalThis.react.show(
        client,
        names.map((name) => ({ name })),
        false,
      )
      globalThis.kept = { client, leave, seen: [] }
    })
    await text(page, 'status', 'connected')
    const before = await page.evaluate(() => {
      const at = { ...globalThis.react.renders, frames: 0 }
      // Where none is drawn for 250 ms, what it would show is brought up to date all the same.
      let before = performance.now()
      const count = (): void => {
        const now = performance.now()
        at.frames += 1 + Math.floor((now - before) / 250)
        before = now
        requestAnimationFrame(count)
      }
      count()
      globalThis.kept.seen = [at]
      return { ...at }
    })
    const began = performance.now()
    let sent = 0
    const publishUntil = async (events: number): Promise<void> => {
      while (sent < events) {
        const due = Math.min(events, Math.ceil(performance.now() - began))
        for (; sent < due; sent++) void hub.publish({ topic: 'report:1', type: 'a', data: sent })
        await new Promise((resolve) => setTimeout(resolve, 1))
      }
    }
    await publishUntil(2_000)
    const perSecond = Math.round((sent * 1_000) / (performance.now() - began))
    // A page that draws seldom gets more of them.
    const renders = () => page.evaluate(() => globalThis.react.renders['Feed'] ?? 0)
    while ((await renders()) - (before['Feed' as never] as number) <= 5) await publishUntil(sent + 100)
    await text(page, 'last', String(sent - 1))
    const after = await page.evaluate(() => ({
      ...globalThis.react.renders,
      frames: (globalThis.kept.seen[0] as { frames: number }).frames,
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
      expect(grown(name as never)).toBeGreaterThan(5)
    }
    expect(complaints).toEqual([])
  })

  test('C8: a page takes over what the server rendered, without a word on the console, and opens one connection', async () => {
    const idle = createClient({ url: '/tidings' })
    const html = renderToString(createElement(App, { client: idle }))
    idle.close()
    expect(html).toContain('idle')
    const { page, asked, complaints } = await open()
    const recovered = await page.evaluate(async (rendered) => {
      document.body.innerHTML = `<main>${rendered}</main>`
      const button = document.getElementById('status')
      const client = globalThis.react.createClient({ url: '/tidings' })
      // The connection may be up before React takes over.
      client.on('*', () => {})
      while (client.status.getSnapshot().status !== 'connected') await new Promise((resolve) => setTimeout(resolve, 5))
      const errors: string[] = []
      globalThis.react.hydrate(client, (error) => errors.push(String(error)))
      while (button?.textContent !== 'connected') await new Promise((resolve) => setTimeout(resolve, 5))
      return { errors, same: document.getElementById('status') === button }
    }, html)
    expect(recovered).toEqual({ errors: [], same: true })
    await hub.publish({ topic: 'report:1', type: 'a', data: 1 })
    await text(page, 'feed', '1')
    // With the topic that React asks for comes another stream, which is up before the first one closes (C1).
    await expect.poll(() => hub.stats().connections).toBe(1)
    expect(asked.filter((path) => path === '/tidings/events').length).toBeLessThanOrEqual(2)
    expect(complaints).toEqual([])
  })

  test('C8: useConnection shows state, transport, attempts, failures and error, and its actions act', async () => {
    const { page } = await open()
    await page.evaluate(() => {
      const client = globalThis.react.createClient({ url: '/tidings' })
      globalThis.react.show(client, [{ name: 'Panel' }, { name: 'Feed' }])
    })
    const shown = async (): Promise<Record<string, any>> =>
      JSON.parse((await page.locator('#panel').textContent()) as string)
    const press = (name: string) => page.getByRole('button', { name, exact: true }).click()
    const quiet = { attempt: 0, failures: { sse: 0, poll: 0 }, error: null }
    await expect.poll(shown).toMatchObject({ status: 'connected', transport: 'sse', ...quiet })
    const { connectionId } = await shown()
    await press('reconnect')
    await expect.poll(async () => (await shown())['connectionId']).not.toBe(connectionId)
    await expect.poll(shown).toMatchObject({ status: 'connected', connectionId: expect.any(String) })
    await press('poll')
    await expect.poll(shown).toMatchObject({ status: 'polling', transport: 'poll' })
    await hub.publish({ topic: 'report:1', type: 'a', data: 'by a poll' })
    await text(page, 'feed', 'by a poll')
    await press('sse')
    await expect.poll(shown).toMatchObject({ status: 'connected', transport: 'sse' })
    await press('disconnect')
    await expect.poll(shown).toMatchObject({ status: 'idle', transport: null })
    await expect.poll(() => hub.stats().connections).toBe(0)
    await hub.publish({ topic: 'report:1', type: 'a', data: 'meanwhile' })
    await press('connect')
    await text(page, 'feed', 'by a poll meanwhile')
    proxy.set({ refuse: true })
    onTestFinished(() => proxy.set({}))
    proxy.cut()
    await expect.poll(shown).toMatchObject({ status: 'waiting', error: 'connection' })
    await expect.poll(async () => (await shown())['failures'].sse).toBeGreaterThanOrEqual(2)
    expect((await shown())['attempt']).toBeGreaterThanOrEqual(1)
    proxy.set({})
    await expect.poll(shown).toMatchObject({ status: 'connected', error: null })
  })

  test('C8: a component reads the zustand slice: state, handlers, disconnect and connect, one connection', async () => {
    const { page, asked, complaints } = await open()
    await page.evaluate(() => {
      const client = globalThis.react.createClient({ url: '/tidings' })
      globalThis.react.show(client, [{ name: 'Sliced' }])
    })
    const notify = (data: string) => hub.publish({ to: { users: ['7'] }, type: 'notification', data })
    await text(page, 'slice', '["connected",null]')
    await notify('one')
    await text(page, 'slice', '["connected","one"]')
    expect(asked.filter((path) => path === '/tidings/events')).toHaveLength(1)
    await page.getByRole('button', { name: 'switch' }).click()
    await text(page, 'slice', '["idle","one"]')
    await expect.poll(() => hub.stats().connections).toBe(0)
    await notify('two')
    await page.getByRole('button', { name: 'switch' }).click()
    await text(page, 'slice', '["connected","two"]')
    expect(await page.evaluate(() => globalThis.react.heard)).toEqual(['one', 'two'])
    expect(complaints).toEqual([])
  })

  test('C8: useJob follows a job to its end, JobProgress shows it and leaves, useJobs lists them', async () => {
    const { page, complaints } = await open()
    const { job } = await hub.jobs.create({ owner: 'user:7', kind: 'crawl' })
    await page.evaluate((id) => {
      const client = globalThis.react.createClient({ url: '/tidings' })
      const leave = globalThis.react.show(client, [
        { name: 'Watched', props: { id } },
        { name: 'Bar', props: { id } },
        { name: 'Jobs' },
      ])
      const seen: unknown[] = []
      new MutationObserver(() => {
        seen.push(document.querySelector('.tidings-job p[aria-live=polite]')?.textContent)
      }).observe(document.body, { childList: true, subtree: true, characterData: true })
      globalThis.kept = { client, leave, seen }
    }, job.id)
    await text(page, 'job', 'queued null')
    await text(page, 'jobs', 'crawl queued')
    const bar = page.getByRole('progressbar', { name: 'Crawl' })
    expect(await bar.getAttribute('aria-valuenow')).toBeNull()
    expect(await bar.getAttribute('aria-valuetext')).toBe('Queued')
    await hub.jobs.run(job.id, async (running) => {
      await running.update({ increment: { processed: 1 }, set: { total: 2, stage: 'Reading' } })
      await text(page, 'job', 'running 50')
      expect(await accessible(page, 'progressbar')).toMatchObject({
        name: 'Crawl',
        value: 50,
        valuemin: 0,
        valuemax: 100,
      })
      expect(await bar.getAttribute('aria-valuetext')).toBe('Reading · 50 %')
      expect(await page.locator('.tidings-job p').getAttribute('aria-live')).toBe('off')
      await running.increment({ processed: 1 })
    })
    await text(page, 'job', 'completed 100')
    await text(page, 'jobs', 'crawl completed')
    // Both as they came: it is there for a moment only.
    await page.waitForFunction(() => globalThis.kept.seen.includes('Completed'))
    await bar.waitFor({ state: 'detached' })
    expect(complaints).toEqual([])
  })

  test('C8: useJob with a token follows a job of somebody else, and says how it failed', async () => {
    const { page, complaints } = await open()
    const { job, token } = await hub.jobs.create({ owner: 'user:8', kind: 'crawl' })
    await page.evaluate(
      ([id, key]) => {
        const client = globalThis.react.createClient({ url: '/tidings' })
        const watched = { name: 'Watched', props: { id, token: key } } as const
        const leave = globalThis.react.show(client, [watched])
        globalThis.kept = { client, leave, seen: [] }
      },
      [job.id, token],
    )
    await text(page, 'job', 'queued null')
    await hub.jobs
      .run(job.id, () => {
        throw new Error('broken')
      })
      .catch(() => {})
    await text(page, 'job', 'failed null')
    await page.evaluate(() => globalThis.kept.leave())
    await expect.poll(() => hub.stats().connections).toBe(0)
    expect(complaints).toEqual([])
  })

  test('C8: ConnectionStatus says state and error to those who do not see it, and its button connects again', async () => {
    const { page } = await open()
    await page.evaluate(() => {
      const client = globalThis.react.createClient({ url: '/tidings', maxAttempts: 1 })
      globalThis.react.show(client, [{ name: 'ConnectionStatus' }, { name: 'Feed' }])
    })
    const status = page.getByRole('status')
    await status.getByText('Connected').waitFor()
    expect(await accessible(page, 'status')).toMatchObject({ live: 'polite', atomic: true })
    expect(await status.textContent()).toBe('Connected by a stream')
    await hub.publish({ topic: 'report:1', type: 'report.updated', data: 1 })
    await text(page, 'feed', '1')
    await expect
      .poll(() => page.locator('.tidings-connection').ariaSnapshot())
      .toMatch(
        /- status: Connected by a stream\n- paragraph:\n {2}- text: Last event\n {2}- time: .*\n {2}- code: report\.updated/,
      )
    proxy.cut()
    await status.getByText('Not connected').waitFor()
    expect(await status.getByText('Connection lost.').isVisible()).toBe(true)
    await hub.publish({ topic: 'report:1', type: 'report.updated', data: 'meanwhile' })
    await page.getByRole('button', { name: 'Try again' }).click()
    await status.getByText('Connected by a stream').waitFor()
    await text(page, 'feed', '1 meanwhile')
    await expect.poll(() => page.getByRole('button').count()).toBe(0)
  })

  test('C8: ConnectionDot has a shape and a word for every state', async () => {
    const { page, complaints } = await open()
    const seen = await page.evaluate(async () => {
      const client = globalThis.react.createClient({ url: '/tidings' })
      globalThis.react.show(client, [{ name: 'ConnectionDot' }, { name: 'Feed' }])
      const looks = new Map<string | undefined, (string | null | undefined)[]>()
      const look = (): void => {
        const dot = document.querySelector<HTMLElement>('.tidings-dot')
        if (dot)
          looks.set(dot.dataset.status, [dot.textContent, getComputedStyle(dot.querySelector('i') ?? dot).clipPath])
      }
      const until = async (status: string): Promise<void> => {
        while (!looks.has(status)) await new Promise((resolve) => requestAnimationFrame(() => resolve(look())))
      }
      await until('connected')
      client.disconnect()
      await until('idle')
      client.forceTransport('poll')
      client.connect()
      await until('polling')
      client.close()
      await until('closed')
      return [...looks.values()]
    })
    expect(seen.length).toBeGreaterThanOrEqual(4)
    expect(new Set(seen.map(([words]) => words)).size).toBe(seen.length)
    expect(new Set(seen.map(([, shape]) => shape)).size).toBe(seen.length)
    expect(complaints).toEqual([])
  })

  test('C8: no two of the seven states have the same shape or word, and what is well, under way or wrong has its colour', async () => {
    const { page, complaints } = await open()
    const statuses = ['idle', 'connecting', 'connected', 'polling', 'waiting', 'offline', 'closed'] as const
    const seen = await page.evaluate(async (names) => {
      const client = globalThis.react.createClient({ url: '/tidings' })
      const looks: [string, string, string][] = []
      for (const status of names) {
        const snapshot = { ...client.status.getSnapshot(), status }
        const state = { subscribe: () => () => {}, getSnapshot: () => snapshot }
        const leave = globalThis.react.show({ ...client, status: state }, [{ name: 'ConnectionDot' }])
        const find = () => document.querySelector<HTMLElement>(`.tidings-dot[data-status="${status}"]`)
        while (!find()) await new Promise(requestAnimationFrame)
        const dot = find() as HTMLElement
        const { clipPath, backgroundColor } = getComputedStyle(dot.querySelector('i') as Element)
        looks.push([dot.textContent ?? '', clipPath, backgroundColor])
        leave()
      }
      return looks
    }, statuses)
    for (const part of [0, 1] as const) expect(new Set(seen.map((look) => look[part])).size).toBe(statuses.length)
    const colours = Object.fromEntries(statuses.map((status, at) => [status, seen[at]?.[2]]))
    expect(colours['polling']).toBe(colours['connected'])
    expect(colours['waiting']).toBe(colours['connecting'])
    expect(colours['closed']).toBe(colours['offline'])
    expect(new Set(Object.values(colours)).size).toBe(4)
    expect(complaints).toEqual([])
  })

  test('C8: useToasts shows notifications and alerts with sonner: kinds, times, and links of http and https only', async () => {
    const { page, complaints } = await open()
    await page.evaluate(() => {
      const client = globalThis.react.createClient({ url: '/tidings' })
      const errors: unknown[] = []
      client.onError((error) => errors.push(error.message))
      globalThis.react.show(client, [{ name: 'Toasts' }, { name: 'StatusWord' }])
      globalThis.kept = { client, leave: () => {}, seen: errors }
      // A toast may have gone again before anybody looks.
      const titles = new Set<string>()
      new MutationObserver(() => {
        for (const toast of document.querySelectorAll('[data-sonner-toast] [data-title]'))
          titles.add(`${toast.textContent}`)
        document.documentElement.dataset.shown = [...titles].join()
      }).observe(document.body, { childList: true, subtree: true, characterData: true })
    })
    await text(page, 'status', 'connected')
    const cameAndWent = async (title: string): Promise<void> => {
      await page.waitForFunction((words) => document.documentElement.dataset.shown?.split(',').includes(words), title)
      await toastOf(title).waitFor({ state: 'detached' })
    }
    const toasts = page.locator('[data-sonner-toast]')
    const notify = (data: unknown, type = 'notification') => hub.publish({ to: { users: ['7'] }, type, data })
    const toastOf = (title: string) => toasts.filter({ hasText: title })
    const viewOf = (title: string) => toastOf(title).getByRole('button', { name: 'View' })

    await notify({ title: 'Ready', message: 'All of it', level: 'success', url: '/reports/9', persistent: true })
    await toastOf('Ready').waitFor()
    expect(await toastOf('Ready').getAttribute('data-type')).toBe('success')
    expect(await toastOf('Ready').textContent()).toContain('All of it')
    await viewOf('Ready').click()
    expect(await page.evaluate(() => globalThis.react.heard)).toEqual([`${proxy.url}/reports/9`])

    await toastOf('Ready').waitFor({ state: 'detached' })

    // A toast under the pointer stays.
    await page.mouse.move(5, 5)
    await notify({ title: 'Brief' })
    await cameAndWent('Brief')

    for (const bad of ['javascript:alert(1)', ' JaVaScRiPt:alert(1)', 'data:text/html,hi', 'blob:x', 'http://['])
      await notify({ title: `Bad ${bad.trim().slice(0, 4)}`, url: bad, persistent: true, level: 'constructor' })
    await notify({ title: 'Far', url: 'https://example.com/x', persistent: true })
    await toastOf('Far').waitFor()
    expect(await viewOf('Far').count()).toBe(1)
    await expect.poll(() => toasts.count()).toBe(6)
    expect(await toasts.filter({ hasText: 'Bad' }).getByRole('button', { name: 'View' }).count()).toBe(0)

    await notify({ title: 'Disk full', severity: 'critical' }, 'system.alert')
    await toastOf('Disk full').waitFor()
    expect(await toastOf('Disk full').getAttribute('data-type')).toBe('error')
    await notify({ title: 'Brief again' })
    await cameAndWent('Brief again')
    expect(await toasts.count()).toBe(7)
    await toastOf('Disk full').getByRole('button', { name: 'Close toast' }).click()
    await toastOf('Disk full').waitFor({ state: 'detached' })

    await notify({ title: { not: 'text' } })
    await expect.poll(() => page.evaluate(() => globalThis.kept.seen)).toHaveLength(1)
    expect(complaints).toEqual([])
  })
})
