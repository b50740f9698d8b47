import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { readStream } from '../fixtures/stream.js'
import { launch, open, skipped, token } from './page.js'
import { secret, serveHub } from './serving.js'

/** Stand where credentials and payloads stand; the payload may be seen where events are, by whoever may read them. */
const cookie = 'PLANTED-cookie-value'
const payload = 'PLANTED-payload'
const views = ['', 'connections', 'events', 'topics', 'jobs', 'publish', 'try', 'activity', 'health']

/** In any of the ways in which it could stand somewhere. */
const forms = (value: string): string[] => {
  const [, claims, signature] = value.split('.')
  return [
    value,
    encodeURIComponent(value),
    Buffer.from(value).toString('base64'),
    ...(signature ? [`${claims}`, signature] : []),
  ]
}
const found = (text: string, secrets: readonly string[]): string[] =>
  secrets.filter((value) => text.includes(value)).map((value) => value.slice(0, 12))

/** A page of somewhere else that notes who sent people there. */
async function elsewhere() {
  const referrers: (string | undefined)[] = []
  const server = createServer((request, response) => {
    if (request.url === '/there') referrers.push(request.headers.referer)
    response.setHeader('content-type', 'text/html').end('<h1>Elsewhere</h1>')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return { referrers, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/there` }
}

describe.skipIf(skipped)('what the dashboard shows and loads', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launch()
  })
  afterAll(() => browser?.close())

  test('T2, T20 [P12.5]: no token, cookie, key or payload of anybody is in its page, its files, what it loads, or a Referer', async () => {
    const { hub, url } = await serveHub({ urlTokens: true })
    const mine = await token()
    const person = await token({ subscribe: ['news'] })
    const inAddress = await token({ subscribe: ['news', 'secret:*'] }, '4m')
    const credentials = [secret, cookie, mine, person, inAddress].flatMap(forms)
    const streams = [
      await readStream(url, {
        headers: { authorization: `Bearer ${person}`, cookie: `session=${cookie}` },
        topics: ['news'],
      }),
      await readStream(url, { query: { token: inAddress, name: 'tablet' }, topics: ['news'] }),
    ]
    onTestFinished(async () => void (await Promise.all(streams.map((one) => one.close()))))
    const gone = await readStream(url, { query: { token: inAddress }, topics: ['news'] })
    await gone.close()
    // A refusal and a failure, for the views that tell of them.
    expect((await fetch(`${url}/events?topic=other&token=${inAddress}`)).status).toBe(403)
    expect((await fetch(`${url}/events?topic=news`, { headers: { authorization: `Bearer ${person}x` } })).status).toBe(
      401,
    )
    await hub.publish({ topic: 'news', type: 'n', data: payload })
    await hub.jobs.create({ owner: 'user:7', kind: 'crawl', meta: { shown: 'to its admin' } })
    for (const reader of streams) expect((await reader.next()).data).toBe(payload)

    const page = await open(browser, 'about:blank')
    const loaded: { address: string; headers: string; body: Promise<string> }[] = []
    const sent: Promise<Record<string, string>>[] = []
    page.on('request', (request) => void sent.push(request.allHeaders().catch(() => ({}))))
    page.on('response', (response) => {
      const isStream = response.headers()['content-type']?.startsWith('text/event-stream') ?? false
      const body = isStream ? Promise.resolve('') : response.text().catch(() => '')
      loaded.push({ address: response.url(), headers: JSON.stringify(response.headers()), body })
    })
    for (const view of views) {
      await page.goto(`${url}/dashboard/${view}#token=${mine}`)
      await page.getByRole('heading', { level: 1 }).waitFor()
      if (view === 'connections') {
        const rows = page.getByRole('table', { name: 'Connections' }).locator('[role=row][data-index]')
        await rows.filter({ hasText: 'tablet' }).press('Enter')
        await page
          .getByRole('dialog')
          .getByText(streams[1]?.connectionId as string)
          .waitFor()
      }
      const shown = await page.content()
      expect([view, found(shown, credentials)]).toEqual([view, []])
      if (view !== 'events') expect([view, shown.includes(payload)]).toEqual([view, false])
      expect(page.url()).not.toContain('token')
    }

    expect(loaded.length).toBeGreaterThan(views.length * 3)
    expect(loaded.filter(({ address }) => /\/dashboard\/.+\.js$/.test(address)).length).toBeGreaterThan(views.length)
    for (const { address, headers, body } of loaded) {
      const text = await body
      const { pathname, search } = new URL(address)
      expect([pathname, found(headers + text, credentials)]).toEqual([pathname, []])
      // Their own link, whose fragment no server gets, is the one address that held it.
      expect([pathname, found(search, credentials)]).toEqual([pathname, []])
      if (!/^\/(events|topics|explanation)/.test(pathname))
        expect([pathname, text.includes(payload)]).toEqual([pathname, false])
    }

    const there = await elsewhere()
    for (const from of [`/dashboard/connections?user=root#token=${mine}`, `/events?topic=other&token=${inAddress}`]) {
      await page.goto(url + from)
      await page.evaluate((address) => location.assign(address), there.url)
      await page.getByRole('heading', { name: 'Elsewhere' }).waitFor()
    }
    expect(there.referrers).toEqual([undefined, undefined])
    const sentTo = (await Promise.all(sent)).filter(({ host }) => host !== undefined)
    expect(sentTo.length).toBeGreaterThan(views.length)
    expect(sentTo.flatMap(({ referer }) => referer || [])).toEqual([])
  }, 120_000)
})
