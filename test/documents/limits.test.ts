import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { limitSettings, planLimits } from '#src/cli/limit-settings.js'
import { readSettings } from '#src/cli/sources.js'
import { serveSettings } from '#src/cli/serve-settings.js'
import { resolveLimits } from '#src/hub/limits/settings.js'
import { createHub } from '#src/index.js'
import { blockOf } from './blocks.js'

const guide = 'docs/guides/limits.md'
const text = readFileSync(join(import.meta.dirname, '../..', guide), 'utf8')

const number = (words: string): number | null => (words === 'none' ? null : Number(words.replaceAll(',', '')))

test('§12: the tables of the guide are the defaults in the code', () => {
  const limits = resolveLimits({})
  for (const [name, most] of Object.entries(limits.connections)) {
    const row = new RegExp(`^\\| \`${name}\` \\| ([^|]+) \\|`, 'm').exec(text)
    expect([name, number(row?.[1] ?? '')]).toEqual([name, most])
  }
  for (const kind of ['connects', 'polls', 'publishes', 'tokens', 'jobCommands'] as const) {
    const cells = new RegExp(`^\\| \`${kind}\`[^|]*\\|(.*)\\|$`, 'm').exec(text)?.[1]?.split('|') ?? []
    const rates = cells.map((cell) => {
      const [, perSecond, burst] = /^([\d,]+), ([\d,]+) at once$/.exec(cell.trim()) ?? []
      return perSecond === undefined ? null : { perSecond: number(perSecond), burst: number(burst ?? '') }
    })
    const { address, session, user, namespace } = limits[kind]
    expect([kind, rates]).toEqual([kind, [address, session, user, namespace]])
  }
})

test('H10: the options of the guide start a hub, and its flags say the same', async () => {
  const options = /createHub\((\{[^]*\})\)/.exec(blockOf(guide, 'hub'))?.[1]
  const { default: given } = await import(`data:text/javascript,export default ${encodeURIComponent(options ?? '')}`)
  await (await createHub(given)).close()
  const flags: Record<string, string> = {}
  for (const [, name = '', value = ''] of blockOf(guide, 'serve').matchAll(/--([a-z-]+) ("[^"]*"|\S+)/g)) {
    const key = Object.entries(serveSettings).find(([, { flag }]) => flag.startsWith(`--${name} `))?.[0]
    expect([name, key]).not.toEqual([name, undefined])
    if (key !== undefined && key in limitSettings) flags[key] = value
  }
  const planned = planLimits(readSettings(limitSettings, flags, {}))
  expect(resolveLimits(planned.limits ?? {})).toEqual(resolveLimits(given.limits))
  expect(planned.trustedProxies).toEqual(given.trustedProxies)
})

test('H10: every flag that the guide names is one', () => {
  const known = Object.values(serveSettings).map(({ flag }) => flag.split(' ')[0])
  const named = [...text.matchAll(/`(--[a-z-]+)`/g)].map(([, flag]) => flag)
  expect(named.length).toBeGreaterThan(4)
  expect(named.filter((flag) => !known.includes(flag as string))).toEqual([])
})
