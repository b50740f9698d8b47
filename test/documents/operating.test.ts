import { execFile, execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { serveSettings } from '#src/cli/serve-settings.js'
import { catalogue } from '#src/hub/figures/catalogue.js'
import { blockOf } from './blocks.js'
import { complaintsOf } from './compile.js'

const root = join(import.meta.dirname, '../..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const guide = join(root, 'docs/guides/operating.md')
const promtool = '/usr/bin/promtool'

/** Names that a scraper sees. */
const scraped = new Set(
  catalogue.flatMap(({ name, type }) =>
    type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  ),
)
const unknown = (text: string): string[] =>
  [...text.matchAll(/\btidings_\w+/g)].map(([name]) => name).filter((name) => !scraped.has(name))

test('O3, O8: the table of metrics is what the code has', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    join(root, 'scripts/metrics-reference.mjs'),
    '--print',
  ])
  expect(read('docs/reference/metrics.md')).toBe(stdout)
})

test('O3: every query of the dashboard and of the alerts names metrics that exist, with labels they have', () => {
  const { panels, templating } = JSON.parse(read('docs/operations/grafana.json')) as {
    panels: { title: string; targets: { expr: string }[] }[]
    templating: { list: { query: string }[] }
  }
  const queries = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))
  expect(queries.length).toBeGreaterThan(20)
  const alerts = [...read('docs/operations/alerts.yml').matchAll(/expr: (.+)/g)].map(([, expr = '']) => expr)
  expect(alerts.length).toBeGreaterThan(5)
  for (const query of [...queries, ...alerts, ...templating.list.map((each) => each.query)])
    expect([query, unknown(query)]).toEqual([query, []])
  const labels = new Set(['instance', 'le', 'job', ...catalogue.flatMap((metric) => metric.labels ?? [])])
  for (const query of [...queries, ...alerts])
    for (const [, list = ''] of query.matchAll(/by \(([^)]*)\)/g))
      for (const label of list.split(',')) expect([query, labels.has(label.trim())]).toEqual([query, true])
  expect(unknown('rate(tidings_events_lost_total[5m])')).toEqual(['tidings_events_lost_total'])
})

test.skipIf(!existsSync(promtool))('O3: promtool takes the alert rules and the configuration of the guide', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-rules-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'alerts.yml'), read('docs/operations/alerts.yml'))
  writeFileSync(join(folder, 'prometheus.yml'), blockOf(guide, 'prometheus.yml'))
  const check = (...args: string[]) =>
    execFileSync(promtool, ['check', ...args], { cwd: folder, encoding: 'utf8', stdio: 'pipe' })
  expect(check('rules', 'alerts.yml')).toContain('SUCCESS: 14 rules found')
  expect(check('config', 'prometheus.yml')).toContain('SUCCESS')
  // The queries of the dashboard are PromQL, too.
  const { panels } = JSON.parse(read('docs/operations/grafana.json')) as { panels: { targets: { expr: string }[] }[] }
  const rules = panels
    .flatMap(({ targets }) => targets)
    .map(({ expr }, index) => ({ record: `r${index}`, expr: expr.replaceAll('$__rate_interval', '1m') }))
  writeFileSync(join(folder, 'queries.yml'), JSON.stringify({ groups: [{ name: 'queries', rules }] }))
  expect(check('rules', 'queries.yml')).toContain(`SUCCESS: ${rules.length} rules found`)
  writeFileSync(join(folder, 'bad.yml'), read('docs/operations/alerts.yml').replace('> 0.25', '>> 0.25'))
  expect(() => check('rules', 'bad.yml')).toThrow()
})

test('O8: the programs of the guide compile, and its flags exist', () => {
  expect(complaintsOf({ 'stats.ts': blockOf(guide, 'stats'), 'log.ts': blockOf(guide, 'log') })).toEqual([])
  const flags = Object.values(serveSettings).map(({ flag }) => flag.split(' ')[0])
  for (const [flag] of blockOf(guide, 'serve-metrics').matchAll(/--[a-z-]+/g)) expect(flags).toContain(flag)
})
