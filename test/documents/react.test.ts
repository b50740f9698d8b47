import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { toNodeHandler } from '#src/http/node.js'
import { createHub } from '#src/index.js'
import { bundle, launch, servePage, skipped } from '../browser/page.js'
import { blockOf, blocksOf } from './blocks.js'
import { complaintsOf } from './compile.js'

const guide = 'docs/guides/react.md'
const fileOf = ({ name, language }: { name: string; language: string }): string => `${name}.${language}`
const files = blocksOf(guide).map((block) => [fileOf(block), block.text] as const)
const typed = 'events.ts'

test('C8: the programs of docs/guides/react.md compile, with the declaration of their events and without', () => {
  expect(files.map(([name]) => name)).toEqual([
    'client.ts',
    'main.tsx',
    'crawl.tsx',
    'report.tsx',
    'offline.tsx',
    'app.tsx',
    typed,
    'store.ts',
  ])
  expect(complaintsOf(Object.fromEntries(files.filter(([name]) => name !== typed)))).toEqual([])
  const client = blockOf(guide, 'client').replace("'/tidings'", "'/tidings', events")
  const declared: Record<string, string> = Object.fromEntries(files)
  declared['client.ts'] = `import { events } from './events.js'\n${client}`
  expect(complaintsOf(declared)).toEqual([])
  declared['report.tsx'] = blockOf(guide, 'report').replace('event.data.rows', 'event.data.columns')
  expect(complaintsOf(declared).join()).toContain("'columns' does not exist")
})

test.skipIf(skipped)('C8: the page of docs/guides/react.md shows job, events, connection and toasts', async () => {
  const folder = resolve('.cache', `react-guide-${process.pid}`)
  mkdirSync(folder, { recursive: true })
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, text] of files) writeFileSync(join(folder, name), text)
  const hub = await createHub({
    // The page's cookie; the job's token comes without.
    authenticate: ({ headers }) => (headers.has('Cookie') ? { userId: '7', subscribe: ['report:*'] } : null),
  })
  const served = await bundle(join(folder, 'main.tsx'))
  const { server, url } = await servePage(toNodeHandler(hub, { basePath: '/tidings' }), served, '<div id="root"></div>')
  const browser = await launch()
  onTestFinished(async () => {
    await browser.close()
    await hub.close({ drainMs: 0 })
    server.closeAllConnections()
    server.close()
  })
  const { job, token } = await hub.jobs.create({ owner: 'user:8', kind: 'crawl', total: 2 })
  const page = await browser.newPage()
  await page.goto(`${url}/?job=${job.id}&token=${token}`)
  await page.getByText('Connected by a stream').waitFor()
  await page.getByText('0 of 2 pages').waitFor()
  await hub.publish({ topic: 'report:9', type: 'report.updated', data: { rows: 120 } })
  await page.getByText('120 rows').waitFor()
  expect(await page.locator('li').textContent()).toBe('report.updated')
  await hub.publish({ to: { users: ['7'] }, type: 'notification', data: { title: 'Report ready', url: '/reports/9' } })
  await page.locator('[data-sonner-toast]', { hasText: 'Report ready' }).getByRole('button', { name: 'View' }).waitFor()
  await hub.jobs.run(job.id, async (running) => void (await running.increment({ processed: 1 })))
  await page.getByText('1 of 2 pages').waitFor()
  expect(await page.getByRole('progressbar', { name: 'Crawl' }).getAttribute('aria-valuetext')).toBe('Completed')
})
