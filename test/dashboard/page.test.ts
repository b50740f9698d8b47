import { setMaxListeners } from 'node:events'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { redisStore } from '#src/store/redis.js'
import { readStream } from '../fixtures/stream.js'
import { serve } from '../cli/program.js'
import { noRedis, redisForTest } from '../fixtures/redis.js'
import { launch, nameless, open, skipped, smoothness, token } from './page.js'
import { serveHub } from './serving.js'

/** `tidings serve --dev`, as people start it, and its link to the dashboard. */
async function serveDevelopment(
  ...args: string[]
): Promise<{ url: string; link: string; linkTo: (view: string) => string }> {
  const { program, url } = await serve(['--dev', '--port', '0', '--store', 'memory', ...args])
  onTestFinished(() => void program.kill())
  await program.until(({ lines }) => lines.length > 1)
  const link = program.lines[1] as string
  return { url, link, linkTo: (view) => link.replace('/dashboard#', `/dashboard/${view}#`) }
}

const rowsOf = (page: Page, label: string) => page.getByRole('table', { name: label }).locator('[role=row][data-index]')
const heading = (page: Page, name: string) => page.getByRole('heading', { level: 1, name })

describe.skipIf(skipped)('the dashboard in Chromium', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launch()
  })
  afterAll(() => browser?.close())

  test('§4, O1: the link that serve --dev prints is signed in, and leaves no token in the address', async () => {
    const { url, link } = await serveDevelopment()
    const page = await open(browser, link)
    await heading(page, 'Overview').waitFor()
    expect(page.url()).toBe(`${url}/dashboard`)
    expect(await page.evaluate(() => history.length)).toBeLessThanOrEqual(2)
    await page.getByText('Live', { exact: true }).waitFor()
    await page.reload()
    await heading(page, 'Overview').waitFor()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByLabel('Token with the admin grant').waitFor()
    await page.reload()
    await page.getByLabel('Token with the admin grant').waitFor()
  })

  test('O1: the overview shows true figures, live', async () => {
    const { url, link } = await serveDevelopment()
    const page = await open(browser, link)
    const readers = await Promise.all(['7', '8', '9'].map((userId) => readStream(url, { as: { userId } })))
    // The page itself is the fourth.
    await page.getByRole('img', { name: 'Connections: open 4' }).waitFor()
    await page.getByText('4 users at 1 address').waitFor()
    for (let n = 0; n < 5; n++) {
      await fetch(`${url}/events?userId=7`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ to: { users: ['7', '8'] }, type: 'report.ready' }),
      })
    }
    await page.getByText('5 stored, 10 delivered').waitFor()
    await page.getByRole('listitem').filter({ hasText: 'report.ready' }).waitFor()
    for (const reader of readers) await reader.close()
    await page.getByRole('img', { name: 'Connections: open 1' }).waitFor()
    await page.getByRole('listitem').filter({ hasText: 'The reader left' }).filter({ hasText: '3' }).waitFor()
  })

  test('O1, A5: a stream is found by its user, looked at, and ended with a reason that the list of closed ones keeps', async () => {
    const { url, linkTo } = await serveDevelopment()
    const reader = await readStream(url, { as: { userId: 'ada', roles: ['EDITOR'] } })
    await readStream(url, { as: { userId: 'björk' } })
    const page = await open(browser, linkTo('connections'))
    await page.getByText('3 open, on every node').waitFor()
    // `/` goes to the filter (O1: by keyboard too).
    await page.keyboard.press('/')
    await page.keyboard.type('ada')
    await page.getByText('1 open, on every node').waitFor()
    await expect.poll(() => new URL(page.url()).search).toBe('?contains=ada')
    await expect.poll(() => rowsOf(page, 'Connections').count()).toBe(1)
    await rowsOf(page, 'Connections').first().focus()
    await page.keyboard.press('Enter')
    const details = page.getByRole('dialog', { name: 'ada' })
    await details.getByText(reader.connectionId as string).waitFor()
    for (const text of ['EDITOR', 'development', 'jobs:ada', '127.0.0.1'])
      await details.getByText(text).first().waitFor()
    await page.keyboard.press('Escape')
    await details.waitFor({ state: 'detached' })
    await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute('data-index'))).toBe('0')
    await page.keyboard.press('Enter')
    await details.getByLabel('Reason').fill('asked by support')
    await details.getByRole('button', { name: 'Disconnect' }).click()
    expect(await reader.control('bye')).toMatchObject({ reason: 'kicked', reconnect: true })
    await page.getByText('Disconnected.').waitFor()
    await page.getByText('No connection is like that').waitFor()
    await page.getByRole('button', { name: 'Recently closed' }).click()
    await rowsOf(page, 'Closed connections').filter({ hasText: 'asked by support' }).waitFor()
  })

  test('O1: ping reaches every stream, and stale ones are ended when asked', async () => {
    const { url, linkTo } = await serveDevelopment()
    const reader = await readStream(url, { as: { userId: 'ada' } })
    const page = await open(browser, linkTo('connections'))
    await page.getByText('2 open, on every node').waitFor()
    await page.getByRole('button', { name: 'Ping all' }).click()
    await reader.control('ping')
    await page.getByText('Sent a ping to 2 connections.').waitFor()
    await page.getByRole('button', { name: 'Disconnect stale' }).click()
    await page.getByText('There was none to disconnect.').waitFor()
  })

  test('O1: the activity log tells of connects, refusals with their codes, and closes', async () => {
    const { url, linkTo } = await serveDevelopment()
    const page = await open(browser, linkTo('activity'))
    const rows = rowsOf(page, 'Activity')
    await rows.filter({ hasText: 'operator' }).waitFor()
    const reader = await readStream(url, { as: { userId: 'ada' } })
    await rows.filter({ hasText: 'connected' }).filter({ hasText: 'ada' }).waitFor()
    await reader.close()
    await rows.filter({ hasText: 'closed' }).filter({ hasText: 'The reader left' }).waitFor()
    await fetch(`${url}/events?topic=job:none&userId=8`)
    await rows.filter({ hasText: 'refused' }).filter({ hasText: 'forbidden' }).waitFor()
    await page.getByRole('button', { name: 'Refusals' }).click()
    await expect.poll(() => rows.count()).toBe(1)
  })

  test('T20: names, topics and agents that are markup or links are text', async () => {
    const bad = '<img/src=x/onerror=alert(1)>'
    const { hub, url } = await serveHub({ development: true })
    const topic = `javascript:alert(1)//${bad}`
    await hub.jobs.create({ owner: 'user:7', kind: bad })
    const admin = await token()
    const reader = await readStream(url, {
      topics: [topic],
      headers: { Authorization: `Bearer ${await token({ subscribe: ['*'], roles: [bad] })}`, 'User-Agent': bad },
      query: { name: bad },
    })
    await hub.publish({ topic, type: bad, data: { [bad]: bad, url: 'javascript:alert(1)' }, source: bad })
    await reader.next()
    const page = await open(browser, `${url}/dashboard/connections#token=${admin}`)
    await rowsOf(page, 'Connections').filter({ hasText: bad }).click()
    const details = page.getByRole('dialog')
    await details.getByText(topic).waitFor()
    await expect.poll(() => details.getByText(bad).count()).toBeGreaterThanOrEqual(4)
    await reader.close()
    for (const view of ['', 'connections?state=closed', 'activity', 'events', 'topics', 'jobs', 'publish', 'health']) {
      await page.goto(`${url}/dashboard/${view}`)
      await page.getByRole('heading', { level: 1 }).waitFor()
      await page.waitForTimeout(500) // Long enough for a first answer to be drawn.
      expect(await page.locator('img, iframe, script:not([src]), a[href^="javascript:"]').count(), view).toBe(0)
    }
  })

  test('A7 [P11.18]: an admin of another namespace sees what is theirs, and is told why not the figures of the hub', async () => {
    const { url } = await serveHub()
    const tenant = { namespace: 'acme', subscribe: ['*'], publish: ['*'] }
    const bearing = async (claims: object) => ({ authorization: `Bearer ${await token({ ...claims })}` })
    const readers = [
      await readStream(url, { headers: await bearing(tenant), topics: ['theirs'] }),
      await readStream(url, { headers: await bearing({ subscribe: ['*'] }), topics: ['not-theirs'] }),
    ]
    onTestFinished(async () => void (await Promise.all(readers.map((reader) => reader.close()))))
    const page = await open(browser, `${url}/dashboard#token=${await token({ ...tenant, admin: true })}`)
    await page.getByText('These figures are of the whole hub').waitFor()
    for (const [view, label] of [
      ['connections', 'Connections'],
      ['activity', 'Activity'],
    ] as const) {
      await page.goto(`${url}/dashboard/${view}`)
      await heading(page, label).waitFor()
      await page.getByText('root').first().waitFor()
      expect(await page.content()).not.toContain('not-theirs')
    }
  })

  test('A7: who has no admin grant, no token or an old one is told so in words', async () => {
    const { url } = await serveHub()
    const page = await open(browser, `${url}/dashboard`)
    const field = page.getByLabel('Token with the admin grant')
    await field.fill('not a token')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('That is no token').waitFor()
    await field.fill(await token({ subscribe: ['*'] }))
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('it takes the admin grant').waitFor()
    expect(await page.getByRole('navigation').count()).toBe(0)
    await field.fill(`${(await token()).slice(0, -4)}AAAA`)
    await page.keyboard.press('Enter')
    await page.getByText('The hub no longer takes your token.').waitFor()
    await field.fill(await token())
    await page.keyboard.press('Enter')
    await heading(page, 'Overview').waitFor()
    // One that ends while one looks.
    const short = await token({ admin: true }, '15s')
    await page.goto(`${url}/dashboard/health#token=${short}`)
    await heading(page, 'Health').waitFor()
    await page.getByText('Your token has expired.').waitFor()
  })

  test('A7: an admin whom the application knows by a cookie needs no token', async () => {
    const { origin, url } = await serveHub({
      authenticate: (request) =>
        request.headers.get('cookie') === 'who=root' ? { userId: 'root', admin: true } : null,
    })
    const page = await open(browser, `${url}/dashboard`)
    await page.getByLabel('Token with the admin grant').waitFor()
    await page.context().addCookies([{ name: 'who', value: 'root', url: origin }])
    await page.reload()
    await heading(page, 'Overview').waitFor()
  })

  test('O1: below the path of an application it is the same page', async () => {
    const { url } = await serveHub({ basePath: '/app/tidings' })
    const page = await open(browser, `${url}/dashboard#token=${await token()}`)
    await page.getByText('Live', { exact: true }).waitFor()
    await page.getByRole('link', { name: 'Connections', exact: true }).click()
    await page.getByText('1 open, on every node').waitFor()
    expect(page.url()).toBe(`${url}/dashboard/connections`)
    await page.reload()
    await page.getByText('1 open, on every node').waitFor()
    await page.goto(`${url}/dashboard/no-such-view`)
    await page.getByText('There is no such view').waitFor()
  })

  test('O1: ten thousand connections stay smooth', async () => {
    const { hub, url } = await serveHub()
    const stop = new AbortController()
    setMaxListeners(0, stop.signal)
    onTestFinished(() => stop.abort())
    for (let n = 0; n < 10_000; n++)
      hub
        .subscribe([`report:${n % 500}`, `user:${n}`], { signal: stop.signal })
        .next()
        .catch(() => {})
    const page = await open(browser, `${url}/dashboard/connections#token=${await token()}`)
    await page.getByText('1,000 and more are open').waitFor()
    const seen = await page.evaluate(async () => {
      const scroller = document.querySelector<HTMLElement>('[role=table] > .overflow-y-auto')!
      const frames: number[] = []
      let rows = 0
      let before = performance.now()
      let all = false
      while (!all) {
        scroller.scrollTop += 2_700
        await new Promise((resolve) => requestAnimationFrame(resolve))
        const now = performance.now()
        frames.push(now - before)
        before = now
        rows = Math.max(rows, document.querySelectorAll('[data-index]').length)
        const last = [...document.querySelectorAll('[data-index]')].at(-1)?.getAttribute('data-index')
        all = Number(last) >= 10_000
      }
      return { rows, frames }
    })
    const drawn = smoothness(seen.frames)
    console.log('10,000 rows, scrolled to the end:', JSON.stringify(drawn))
    expect(seen.rows).toBeLessThan(100)
    expect(drawn.drawing).toBeGreaterThan(0.5)
    await page.getByText('10,001 open, on every node').waitFor()
  })

  test('O1: connections are sorted by a column, by keyboard too, and all of them are, not those in sight', async () => {
    const { hub, url } = await serveHub()
    const stop = new AbortController()
    setMaxListeners(0, stop.signal)
    onTestFinished(() => stop.abort())
    for (let n = 0; n < 3_000; n++)
      hub
        .subscribe([`report:${n}`, ...(n === 2_345 ? ['busy'] : [])], { signal: stop.signal })
        .next()
        .catch(() => {})
    for (let n = 0; n < 5; n++) await hub.publish({ topic: 'busy', type: 'x', data: n })
    const page = await open(browser, `${url}/dashboard/connections#token=${await token()}`)
    await page.getByText('1,000 and more are open').waitFor()
    const sent = page.getByRole('columnheader', { name: 'Sent', exact: true })
    await expect.poll(() => sent.getAttribute('aria-sort')).toBe('none')
    await sent.getByRole('button').focus()
    await page.keyboard.press('Enter')
    await page.getByText('3,001 open, on every node').waitFor()
    await expect.poll(() => sent.getAttribute('aria-sort')).toBe('descending')
    await rowsOf(page, 'Connections').first().filter({ hasText: 'busy' }).waitFor()
    await page.keyboard.press('Enter')
    await expect.poll(() => sent.getAttribute('aria-sort')).toBe('ascending')
    await page.keyboard.press('Enter')
    await expect.poll(() => sent.getAttribute('aria-sort')).toBe('none')
    await page.getByRole('searchbox').fill('BUS')
    await page.getByText('1 open, on every node').waitFor()
  })

  test('O1: by keyboard the rows are walked through, also those that are not in the page', async () => {
    const { hub, url } = await serveHub()
    const stop = new AbortController()
    setMaxListeners(0, stop.signal)
    onTestFinished(() => stop.abort())
    for (let n = 0; n < 300; n++)
      hub
        .subscribe([`user:${n}`], { signal: stop.signal })
        .next()
        .catch(() => {})
    const page = await open(browser, `${url}/dashboard/connections#token=${await token()}`)
    // The page's own stream is one of them, and comes last.
    await page.getByText('301 open').waitFor()
    await rowsOf(page, 'Connections').first().focus()
    const focused = () => page.evaluate(() => Number(document.activeElement?.getAttribute('data-index') ?? -1))
    await page.keyboard.press('ArrowDown')
    await expect.poll(focused).toBe(1)
    await page.keyboard.press('End')
    await expect.poll(focused).toBe(300)
    await page.keyboard.press('PageUp')
    await expect.poll(focused).toBeLessThan(298)
    await page.keyboard.press('Home')
    await expect.poll(focused).toBe(0)
  })

  test.each([390, 320])('O1: at a phone of %i px nothing sticks out, and everything has a name', async (width) => {
    const { url } = await serveHub({ development: true })
    await readStream(url, { as: { userId: 'somebody-with-a-rather-long-name-who-reads-a-lot', roles: ['ADMIN'] } })
    const page = await open(browser, `${url}/dashboard#token=${await token()}`, {
      viewport: { width, height: 740 },
      hasTouch: true,
    })
    await heading(page, 'Overview').waitFor()
    for (const view of ['Overview', 'Connections', 'Events', 'Topics', 'Jobs', 'Publish', 'Activity', 'Health']) {
      await page.getByRole('button', { name: 'Menu' }).click()
      await page.getByRole('link', { name: view, exact: true }).click()
      await heading(page, view).waitFor()
      await page.waitForTimeout(300) // Charts are as wide as the page once it has drawn them.
      await expect
        .poll(() => page.evaluate(() => document.documentElement.scrollWidth - innerWidth), { message: view })
        .toBeLessThanOrEqual(0)
      await expect.poll(() => nameless(page), { message: view }).toEqual([])
    }
  })

  test('O1: a view whose file cannot be had is told of in its place, and the others still work', async () => {
    const { url } = await serveHub()
    const page = await open(browser, `${url}/dashboard/health#token=${await token()}`)
    await heading(page, 'Health').waitFor()
    await page.route('**/activity-*.js', (route) => route.abort())
    await page.getByRole('link', { name: 'Activity', exact: true }).click()
    await page.getByText('This view could not be loaded.').waitFor()
    await page.getByRole('link', { name: 'Health', exact: true }).click()
    await heading(page, 'Health').waitFor()
    await page.getByRole('link', { name: 'Activity', exact: true }).click()
    await page.unroute('**/activity-*.js')
    await page.getByRole('button', { name: 'Try again' }).click()
    await heading(page, 'Activity').waitFor()
  })

  test('O1: it is light or dark as the system is, or as one chooses', async () => {
    const { url } = await serveHub()
    const page = await open(browser, `${url}/dashboard/health#token=${await token()}`, { colorScheme: 'dark' })
    await heading(page, 'Health').waitFor()
    const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)
    const dark = await ground()
    await page.getByRole('button', { name: 'Light' }).click()
    await expect.poll(ground).not.toBe(dark)
    const light = await ground()
    await page.reload()
    await heading(page, 'Health').waitFor()
    await expect.poll(ground).toBe(light)
    await page.getByRole('button', { name: 'As the system' }).click()
    await expect.poll(ground).toBe(dark)
    await page.emulateMedia({ colorScheme: 'light' })
    await expect.poll(ground).toBe(light)
  })

  test('C2, O1: while the hub is away a banner says that what is seen may be old, and goes when it is back', async () => {
    const { url } = await serveHub()
    const page = await open(browser, `${url}/dashboard/connections#token=${await token()}`)
    await page.getByText('1 open, on every node').waitFor()
    await page.context().setOffline(true)
    await page.getByText('What you see is from before.').waitFor()
    await expect.poll(() => rowsOf(page, 'Connections').count()).toBe(1)
    await page.context().setOffline(false)
    await page.getByText('Live', { exact: true }).waitFor()
    await page.getByText('What you see is from before.').waitFor({ state: 'detached' })
  })

  test.skipIf(noRedis !== null)(
    'O3: on Redis it shows the whole cluster, and ends what is on another node',
    async () => {
      const redis = await redisForTest()
      const one = await serveHub({ store: redisStore({ url: redis.url }), development: true })
      const two = await serveHub({ store: redisStore({ url: redis.url }), development: true })
      const reader = await readStream(two.url, { as: { userId: 'ada' } })
      const page = await open(browser, `${one.url}/dashboard#token=${await token()}`)
      await page.getByText('2 nodes').waitFor()
      await expect.poll(() => rowsOf(page, 'Nodes').count()).toBe(2)
      await page.getByRole('link', { name: 'Connections', exact: true }).click()
      await rowsOf(page, 'Connections').filter({ hasText: 'ada' }).click()
      await page.getByRole('button', { name: 'Disconnect', exact: true }).click()
      expect(await reader.control('bye')).toMatchObject({ reason: 'kicked' })
    },
  )
})
