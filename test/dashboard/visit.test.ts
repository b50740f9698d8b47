import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readStream } from '../fixtures/stream.js'
import { launch, open, skipped, token } from './page.js'
import { serveHub } from './serving.js'

const views = ['Overview', 'Connections', 'Events', 'Topics', 'Jobs', 'Publish', 'Try it', 'Activity', 'Health']
const pathOf = (view: string) => (view === 'Overview' ? '' : `/${view.toLowerCase().split(' ')[0]}`)

/** A hub with a little of everything. */
async function lifelike() {
  const { hub, url } = await serveHub({ development: true })
  await readStream(url, { as: { userId: 'ada', roles: ['EDITOR'] }, topics: ['user:ada', 'all'] })
  for (const priority of ['low', 'normal', 'high', 'critical'] as const)
    await hub.publish({ topic: 'report:9', type: 'report.updated', priority, data: { rows: 120 } })
  const { job } = await hub.jobs.create({ owner: 'user:ada', kind: 'crawl', total: 10 })
  await hub.jobs.run(job.id, (handle) => handle.increment({ processed: 4 }))
  await (await fetch(`${url}/events?userId=ada&topic=user:somebody-else`)).text()
  return { url, link: `${url}/dashboard#token=${await token()}` }
}

const heading = (page: Page, name: string) => page.getByRole('heading', { level: 1, name })

describe.skipIf(skipped)('the dashboard in Chromium', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launch()
  })
  afterAll(() => browser?.close())

  test('O1: whoever looks at each view in turn, by the menu and by its address, finds no error or warning in the console', async () => {
    const { url, link } = await lifelike()
    const page = await open(browser, link)
    const faults: string[] = []
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) faults.push(`${page.url()}: ${message.text()}`)
    })
    page.on('requestfailed', (request) => {
      // A stream or an answer that a page no longer waits for when it is left is no fault.
      if (request.failure()?.errorText !== 'net::ERR_ABORTED') faults.push(`${request.url()} failed`)
    })
    page.on('response', (response) => {
      if (response.status() >= 400) faults.push(`${response.url()}: ${response.status()}`)
    })
    await heading(page, 'Overview').waitFor()
    for (const view of views) {
      await page.getByRole('link', { name: view, exact: true }).click()
      await heading(page, view).waitFor()
      await page.waitForTimeout(300) // Long enough for a first answer to be drawn.
    }
    for (const view of views) {
      await page.goto(`${url}/dashboard${pathOf(view)}`)
      await heading(page, view).waitFor()
      await page.waitForTimeout(300)
    }
    expect(faults).toEqual([])
  })

  test('O1: on a phone no table has to be scrolled sideways, and the activity says who and what', async () => {
    const { url, link } = await lifelike()
    const page = await open(browser, link, { viewport: { width: 390, height: 844 }, hasTouch: true })
    await heading(page, 'Overview').waitFor()
    for (const view of ['Overview', 'Connections', 'Events', 'Topics', 'Jobs', 'Activity']) {
      await page.goto(`${url}/dashboard${pathOf(view)}`)
      await page.locator('[role=row][data-index]').first().waitFor()
      const hidden = () =>
        page
          .getByRole('table')
          .evaluateAll((tables) =>
            tables.map((table) => table.scrollWidth - table.clientWidth).filter((width) => width > 0),
          )
      await expect.poll(hidden, { message: view }).toEqual([])
    }
    const row = page.locator('[role=row][data-index]')
    await row.filter({ hasText: 'connected ada · Connected for' }).waitFor()
    await row.filter({ hasText: 'refused forbidden: GET /events' }).waitFor()
  })

  test('O1: a topic that has readers alone is not listed, and the empty list says how it is found', async () => {
    const { url } = await serveHub({ development: true })
    await readStream(url, { as: { userId: 'ada' }, topics: ['user:ada'] })
    const page = await open(browser, `${url}/dashboard/topics#token=${await token()}`)
    await page.getByText('A topic that only has readers so far is found by its whole name').waitFor()
    await page.getByRole('searchbox').fill('user:ada')
    await page.getByRole('button', { name: 'Look up' }).click()
    const details = page.getByRole('dialog', { name: 'user:ada' })
    await details.getByText('1 on this node').waitFor()
    await details.getByRole('link', { name: 'show all' }).click()
    await heading(page, 'Connections').waitFor()
    await page.getByText('1 open, on every node').waitFor()
    await page.locator('[role=row][data-index]').filter({ hasText: 'ada' }).waitFor()
  })
})
