import type { Server } from 'node:http'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { Client } from '#src/client/index.js'
import { toNodeHandler } from '#src/http/node.js'
import { createHub, type Hub } from '#src/index.js'
import { launch, servePage, skipped } from './page.js'

declare global {
  var client: Client
  /** How often the page asked whether anybody leads. */
  var asked: number
}

interface Tab {
  readonly page: Page
  readonly got: () => Promise<unknown[]>
}

describe.skipIf(skipped)('C6: tabs in Chromium, over HTTP/1.1', () => {
  let hub: Hub
  let server: Server
  let url: string
  let browser: Browser
  /** Streams that are asked for, also ones that a browser holds back because six are open. */
  let streams = 0

  beforeAll(async () => {
    hub = await createHub({
      authenticate: (request) => {
        const token = request.headers.get('Authorization')?.split('.')[1]
        const cookie = /user=(\w+)/.exec(request.headers.get('Cookie') ?? '')?.[1]
        const user = token ? JSON.parse(atob(token)).sub : cookie
        return user ? { userId: user, subscribe: ['report:*'] } : null
      },
      heartbeatMs: 5_000,
      retryMs: { from: 50, to: 100 },
    })
    const handler = toNodeHandler(hub, { basePath: '/tidings' })
    const page = await servePage((request, response, next) => {
      if (request.url?.startsWith('/tidings/events')) streams++
      handler(request, response, next)
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

  const person = async (user: string): Promise<BrowserContext> => {
    await expect.poll(connections).toBe(0)
    const context = await browser.newContext()
    onTestFinished(() => context.close())
    await context.addCookies([{ name: 'user', value: user, url }])
    return context
  }

  /** A tab that listens to `topics` as `identity`. */
  async function open(
    context: BrowserContext,
    topics: readonly string[],
    { identity, token, at = url }: { identity?: string; token?: string; at?: string } = { identity: '7' },
  ): Promise<Tab> {
    const page = await context.newPage()
    await page.goto(at)
    await page.waitForFunction(() => globalThis.tidings !== undefined)
    await page.evaluate(
      ([names, who, user]) => {
        globalThis.got = []
        const client = globalThis.tidings.createClient({
          url: '/tidings',
          ...(who !== null && { identity: who }),
          ...(user !== null && { getToken: () => document.documentElement.dataset.token }),
        })
        document.documentElement.dataset.token = user ?? ''
        const { dataset } = document.documentElement
        const show = (): void => {
          const { status, connectionId } = client.status.getSnapshot()
          Object.assign(dataset, { status, connection: connectionId ?? '' })
        }
        client.status.subscribe(show)
        client.onError((error) => {
          dataset.error = `${error.kind} ${error.message}`
        })
        document.addEventListener('freeze', () => {
          dataset.frozen = 'yes'
        })
        for (const name of names) client.subscribe(name, { '*': ({ data }) => globalThis.got.push(data) })
        Object.assign(globalThis, { client })
      },
      [topics, identity ?? null, token ?? null] as const,
    )
    await page.waitForSelector('html[data-status="connected"]', { state: 'attached' })
    return { page, got: () => page.evaluate(() => globalThis.got) }
  }
  const heard = ({ page }: Tab, count: number): Promise<unknown> =>
    page.waitForFunction((least) => globalThis.got.length >= least, count)
  const connectionOf = ({ page }: Tab) => page.evaluate(() => document.documentElement.dataset.connection)
  const publish = (topic: string, data: unknown) => hub.publish({ topic, type: 'report.updated', data })
  /** The connection that all of these share, once no stream is being opened any more. */
  const shared = async (...tabs: Tab[]): Promise<string> => {
    let common = ''
    const look = async (): Promise<boolean> => {
      const before = common
      const ids = new Set(await Promise.all(tabs.map(connectionOf)))
      common = ids.size === 1 ? ([...ids][0] ?? '') : ''
      return common !== '' && common === before
    }
    // Changes of topics are waited for 50 ms before a stream is opened for them.
    await expect.poll(look, { interval: 200 }).toBe(true)
    return common
  }
  /** Publishes numbers until it is stopped; gives them. */
  const publishing = (topic: string) => {
    const published: number[] = []
    let going = true
    const flow = (async () => {
      for (let n = 0; going; n++) {
        published.push(n)
        await publish(topic, n)
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    })()
    const stop = async (): Promise<number[]> => {
      going = false
      await flow
      return published
    }
    // One that fails does not fill the tabs of the others.
    onTestFinished(() => void (going = false))
    return { stop }
  }
  /** Resolves when the tab is on another connection than `old`. */
  const changed = ({ page }: Tab, old: string | undefined) =>
    page.waitForFunction((id) => ![id, ''].includes(document.documentElement.dataset.connection ?? ''), old, {
      polling: 10,
    })
  const connections = () => hub.stats().connections

  test('12 tabs use one connection and all receive, each its own topics', async () => {
    const context = await person('7')
    const before = streams
    const tabs: Tab[] = []
    for (let n = 0; n < 12; n++) tabs.push(await open(context, ['report:all', `report:${n}`]))
    // A stream for another topic is up before the one that it takes the place of closes (C1).
    await expect.poll(connections).toBe(1)
    await expect.poll(async () => new Set(await Promise.all(tabs.map(connectionOf))).size).toBe(1)
    await publish('report:all', 'for everybody')
    for (let n = 0; n < 12; n++) await publish(`report:${n}`, n)
    for (const tab of tabs) await heard(tab, 2)
    for (const [n, tab] of tabs.entries()) expect(await tab.got()).toEqual(['for everybody', n])
    // One for the first tab, one more where a tab wants another topic.
    expect(streams - before).toBeLessThanOrEqual(12)
  })

  test.each(['closed', 'crashed'] as const)(
    'the leader is %s: handed over within 1 s, no loss, no repeat',
    async (how) => {
      const context = await person('7')
      const leader = await open(context, ['report:1'])
      const tabs = [await open(context, ['report:1']), await open(context, ['report:1', 'report:2'])]
      const first = await shared(leader, ...tabs)
      await expect.poll(() => connectionOf(tabs[0] as Tab)).toBe(first)
      const flow = publishing('report:1')
      await heard(tabs[0] as Tab, 20)
      const begun = performance.now()
      if (how === 'closed') await leader.page.close()
      else await crash(leader.page)
      await changed(tabs[0] as Tab, first)
      const tookMs = performance.now() - begun
      console.log(`leader ${how}: another stream after ${Math.round(tookMs)} ms`)
      const published = await flow.stop()
      for (const tab of tabs) {
        await heard(tab, published.length)
        expect(await tab.got()).toEqual(published)
      }
      // 100 ms on a machine of its own.
      expect(tookMs).toBeLessThan(10_000)
    },
  )

  test('the leader freezes: another takes over within 2 s of silence and a connect; when it wakes, it reads nothing twice', async () => {
    const context = await person('7')
    const leader = await open(context, ['report:1'])
    const tabs = [await open(context, ['report:1']), await open(context, ['report:1', 'report:2'])]
    const [next] = tabs as [Tab, Tab]
    const first = await shared(leader, ...tabs)
    const pid = await processOf(leader.page)
    const flow = publishing('report:1')
    await heard(next, 20)
    const begun = performance.now()
    process.kill(pid, 'SIGSTOP')
    try {
      await changed(next, first)
    } finally {
      process.kill(pid, 'SIGCONT')
    }
    const tookMs = performance.now() - begun
    console.log(`leader frozen: another stream after ${Math.round(tookMs)} ms`)
    await heard(next, 100)
    const published = await flow.stop()
    for (const tab of [leader, ...tabs]) {
      await heard(tab, published.length)
      expect(await tab.got()).toEqual(published)
    }
    expect(tookMs).toBeLessThan(20_000)
    await expect.poll(connections).toBe(1)
  })

  test('a tab that stood still itself does not take its own silence for that of the leader', async () => {
    const context = await person('7')
    const [leader, next] = [await open(context, ['report:1']), await open(context, ['report:1'])]
    const first = await shared(leader, next)
    const before = streams
    await next.page.evaluate(() => {
      globalThis.asked = 0
      const { postMessage } = BroadcastChannel.prototype
      BroadcastChannel.prototype.postMessage = function (message: { type: string }) {
        if (message.type !== 'ask' || globalThis.asked++ > 0) return postMessage.call(this, message)
        // All stands still from before anybody hears the question until it is long over.
        for (const end = performance.now() + 2_500; performance.now() < end; );
      }
    })
    // By its second question it has decided.
    await next.page.waitForFunction(
      (id) => globalThis.asked > 2 || document.documentElement.dataset.connection !== id,
      first,
    )
    expect(await Promise.all([leader, next].map(connectionOf))).toEqual([first, first])
    expect(streams).toBe(before)
    await publish('report:1', 'still the same')
    for (const tab of [leader, next]) await heard(tab, 1)
  })

  test('two users, and two origins, never share', async () => {
    const context = await person('7')
    const all = [
      await open(context, ['report:1'], { token: tokenOf('7') }),
      await open(context, ['report:1'], { token: tokenOf('7') }),
      await open(context, ['report:1'], { token: tokenOf('8') }),
      await open(context, ['report:1'], { token: tokenOf('7'), at: url.replace('127.0.0.1', 'localhost') }),
    ]
    await expect.poll(connections).toBe(3)
    const ids = await Promise.all(all.map(connectionOf))
    expect(ids[1]).toBe(ids[0])
    expect(new Set(ids).size).toBe(3)
  })

  test('by the identity that the application gives: two of one share, another does not; without it and without a token nobody does', async () => {
    const context = await person('7')
    const all = [
      await open(context, ['report:1'], { identity: '7' }),
      await open(context, ['report:1'], { identity: '7' }),
      await open(context, ['report:1'], { identity: '8' }),
      await open(context, ['report:1'], {}),
      await open(context, ['report:1'], {}),
    ]
    await expect.poll(connections).toBe(4)
    const ids = await Promise.all(all.map(connectionOf))
    expect(ids[1]).toBe(ids[0])
    expect(new Set(ids).size).toBe(4)
    await publish('report:1', 'each once')
    for (const tab of all) await heard(tab, 1)
    for (const tab of all) expect(await tab.got()).toEqual(['each once'])
  })

  test('signed out and in as another in one tab, while another leads: from then on nothing of the one reaches the other', async () => {
    const context = await person('7')
    const [leader, other] = [
      await open(context, ['report:1'], { token: tokenOf('7') }),
      await open(context, ['report:1'], { token: tokenOf('7') }),
    ]
    for (const { page } of [leader, other]) {
      await page.evaluate(() => void globalThis.client.on('secret', ({ data }) => globalThis.got.push(data)))
    }
    // Once the stream carries what is addressed to the person too.
    await expect
      .poll(async () => (await hub.publish({ to: { users: ['7'] }, type: 'secret', data: 'both' })) && other.got())
      .toContain('both')
    const first = await shared(leader, other)
    await other.page.evaluate((token) => {
      document.documentElement.dataset.token = token
      globalThis.client.reconnect()
    }, tokenOf('8'))
    await changed(other, first)
    await expect.poll(connections).toBe(2)
    await hub.publish({ to: { users: ['7'] }, type: 'secret', data: 'for 7' })
    await hub.publish({ to: { users: ['8'] }, type: 'secret', data: 'for 8' })
    await publish('report:1', 'after')
    const since = async (tab: Tab) => (await tab.got()).filter((data) => data !== 'both')
    await expect.poll(() => since(leader)).toEqual(['for 7', 'after'])
    await expect.poll(() => since(other)).toEqual(['for 8', 'after'])
  })

  test('a client that was closed stays away when its page is frozen and wakes up', async () => {
    const { page } = await open(await person('7'), ['report:1'])
    const locks = () =>
      page.evaluate(async () => {
        const { held = [], pending = [] } = await navigator.locks.query()
        return [...held, ...pending].map(({ name }) => name)
      })
    expect(await locks()).toHaveLength(2)
    await page.evaluate(() => globalThis.client.close())
    await expect.poll(locks).toEqual([])
    await page.evaluate(() => {
      for (const type of ['freeze', 'resume']) document.dispatchEvent(new Event(type))
    })
    // Whoever comes back asks for a lock at once.
    expect(await locks()).toEqual([])
    await expect.poll(connections).toBe(0)
  })

  test('where Web Locks are missing, each tab has a connection of its own', async () => {
    const context = await person('7')
    await context.addInitScript(() => Object.defineProperty(Navigator.prototype, 'locks', { get: () => undefined }))
    const tabs = [await open(context, ['report:1']), await open(context, ['report:1'])]
    await expect.poll(connections).toBe(2)
    await publish('report:1', 1)
    for (const tab of tabs) await heard(tab, 1)
  })

  test('a tab that comes late, goes, or asks for more changes nothing for the others', async () => {
    const context = await person('7')
    const first = await open(context, ['report:1'])
    await publish('report:1', 'alone')
    await heard(first, 1)
    const second = await open(context, ['report:1'])
    await publish('report:1', 'both')
    await heard(second, 1)
    const third = await open(context, ['report:3'])
    await publish('report:3', 'third')
    await heard(third, 1)
    await second.page.evaluate(() => globalThis.client.close())
    await third.page.evaluate(() => globalThis.client.disconnect())
    await publish('report:1', 'first again')
    await publish('report:3', 'missed')
    await heard(first, 3)
    expect(await first.got()).toEqual(['alone', 'both', 'first again'])
    expect(await second.got()).toEqual(['both'])
    expect(await third.got()).toEqual(['third'])
    await expect.poll(connections).toBe(1)
  })
})

/** Kills the process of the page, as out of memory would. */
async function crash(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page)
  await Promise.race([
    session.send('Page.crash').catch(() => {}),
    new Promise((resolve) => page.once('crash', resolve)),
  ])
}

const tokenOf = (user: string): string => `x.${btoa(JSON.stringify({ sub: user }))}.x`

/** The process that runs a page: the one that works when the page does. */
async function processOf(page: Page): Promise<number> {
  const session = await (page.context().browser() as Browser).newBrowserCDPSession()
  const used = async () => {
    const { processInfo } = await session.send('SystemInfo.getProcessInfo')
    return new Map(processInfo.filter(({ type }) => type === 'renderer').map(({ id, cpuTime }) => [id, cpuTime]))
  }
  const before = await used()
  await page.evaluate(() => {
    for (const end = performance.now() + 500; performance.now() < end; );
  })
  const after = [...(await used())].map(([id, time]) => [id, time - (before.get(id) ?? 0)] as const)
  await session.detach()
  return (after.sort((a, b) => b[1] - a[1])[0] as readonly [number, number])[0]
}
