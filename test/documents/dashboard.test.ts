import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { planDashboard } from '#src/cli/dashboard-settings.js'
import { planServe, serveSettings } from '#src/cli/serve-settings.js'
import { readSettings } from '#src/cli/sources.js'
import { token } from '../dashboard/page.js'
import { serveHub } from '../dashboard/serving.js'
import { blockOf } from './blocks.js'
import { complaintsOf } from './compile.js'

const guide = 'docs/guides/dashboard.md'

/** What a command line of the guide starts. */
function planOf(block: string) {
  const flags: Record<string, string | true> = {}
  for (const [, name = '', value] of blockOf(guide, block).matchAll(/--([a-z-]+)(?: ([^-\s]\S*))?/g)) {
    const key = Object.entries(serveSettings).find(([, { flag }]) => flag.split(' ')[0] === `--${name}`)?.[0]
    expect([name, key]).not.toEqual([name, undefined])
    flags[key as string] = value ?? true
  }
  return planServe(readSettings(serveSettings, flags, {}))
}

test('O1, T5: the command lines of the guide are settings, and name who may call the page', () => {
  expect(planOf('serve-dev')).toMatchObject({
    hub: { development: true },
    dashboard: { allowedHosts: expect.arrayContaining(['localhost']) },
  })
  expect(planOf('serve-proxy').dashboard).toEqual({ allowedHosts: ['tidings.example.com'] })
  expect(planDashboard({}, '0.0.0.0')).toEqual({})
  expect(planDashboard({ dashboard: 'off' }, '127.0.0.1')).toBeNull()
  expect(() => planDashboard({ dashboard: 'off', dashboardHosts: 'a' }, '127.0.0.1')).toThrow('--dashboard-hosts')
})

test('A7: the claims of the guide open what the page asks for', async () => {
  const { url } = await serveHub()
  const { tidings } = JSON.parse(blockOf(guide, 'claims'))
  const headers = { Authorization: `Bearer ${await token(tidings)}` }
  for (const path of ['/stats', '/connections', '/topics/all'])
    expect((await fetch(`${url}${path}`, { headers })).status, path).toBe(200)
})

test('O1: the program of the guide compiles', () => {
  const app = `export const readSession = async (request: Request) =>
    request.headers.has('cookie') ? { userId: '7', isOperator: true } : null`
  expect(complaintsOf({ server: blockOf(guide, 'server'), app })).toEqual([])
})

test('O1: the guide tells of every view of the menu', () => {
  const text = readFileSync(guide, 'utf8')
  const menu = readFileSync('src/dashboard/page/shell/views.ts', 'utf8')
  const names = [...menu.matchAll(/name: '([^']+)'/g)].map(([, name]) => name)
  expect(names.length).toBeGreaterThan(7)
  for (const name of names) expect(text).toContain(`| ${name} |`)
})
