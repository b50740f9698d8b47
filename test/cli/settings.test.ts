import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { settingsOfOptions } from '#src/cli/hub-options.js'
import { readConfigFile } from '#src/cli/config-file.js'
import { hubSettings } from '#src/cli/hub-settings.js'
import { gatherServe, planServe, serveSettings } from '#src/cli/serve-settings.js'
import { flagName } from '#src/cli/setting.js'
import { resolveSettings } from '#src/hub/settings.js'
import { createHub } from '#src/index.js'
import { run, serve } from './program.js'

const folder = mkdtempSync(join(tmpdir(), 'tidings-settings-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A folder with that file in it. */
function folderWith(name: string, text: string): string {
  const made = mkdtempSync(join(folder, 'in-'))
  mkdirSync(made, { recursive: true })
  writeFileSync(join(made, name), text)
  return made
}

const fileOf = async (values: object) =>
  await readConfigFile(undefined, folderWith('tidings.config.json', JSON.stringify(values)))
const printed = async (args: readonly string[], environment = {}, cwd = folder) => {
  const { code, lines, errors } = await run(['serve', '--print-config', '--json', ...args], environment, cwd)
  expect([code, errors]).toEqual([0, ''])
  const { settings, file } = JSON.parse(lines.join('\n')) as {
    file: string | null
    settings: { name: string; value: unknown; from: string; by: string | null }[]
  }
  return { file, of: (name: string) => settings.find((one) => one.name === name), settings }
}

describe('H10: settings', () => {
  test('H10: every option of createHub has its settings, or a reason why not', async () => {
    const settled = Object.values(settingsOfOptions).flatMap((filled) => ('not' in filled ? [] : filled))
    for (const name of settled) expect(Object.keys(serveSettings)).toContain(name)
    expect(new Set(settled).size).toBe(settled.length)
    for (const filled of Object.values(settingsOfOptions)) if ('not' in filled) expect(filled.not).not.toBe('')
    // The hub refuses a name that it does not know, so these are all there are.
    for (const name of Object.keys(resolveSettings({}))) {
      const isOption = await createHub({ development: true, [name]: undefined } as never).then(
        async (hub) => await hub.close().then(() => true),
        () => false,
      )
      if (isOption) expect(Object.keys(settingsOfOptions)).toContain(name)
    }
  })

  test('H10: flag, variable and key of a setting are one name', () => {
    for (const [name, setting] of Object.entries(serveSettings)) {
      const words = flagName(setting).slice(2).split('-')
      expect(words.map((word, index) => (index === 0 ? word : word[0]?.toUpperCase() + word.slice(1))).join('')).toBe(
        name,
      )
    }
  })

  test('H10: the default that is shown is the one that the hub takes', () => {
    const inHub = resolveSettings({}) as unknown as Record<string, unknown>
    const plan = planServe({ dev: true })
    expect(
      resolveSettings(
        Object.fromEntries(
          Object.entries(plan.hub).filter(
            ([name]) =>
              ['publishQueue', 'retryMs'].includes(name) ||
              (name in hubSettings && name !== 'compress' && name !== 'metrics'),
          ),
        ),
      ),
    ).toEqual(inHub)
    for (const [name, { fallback }] of Object.entries(serveSettings)) {
      const option = inHub[name]
      if (typeof option === 'number') expect([name, fallback]).toEqual([name, option])
    }
  })

  test('H10: a flag wins over a variable, a variable over the file, the file over the default; each says so', async () => {
    const cwd = folderWith(
      'tidings.config.json',
      JSON.stringify({ dev: true, heartbeatMs: 1, pageEvents: 2, port: 3, trustedProxies: ['10.0.0.0/8', 'unix'] }),
    )
    const environment = { TIDINGS_HEARTBEAT_MS: '10', TIDINGS_PAGE_EVENTS: '20' }
    const { of, file } = await printed(['--heartbeat-ms', '100'], environment, cwd)
    expect(file).toBe('tidings.config.json')
    expect(of('heartbeatMs')).toEqual({ name: 'heartbeatMs', value: 100, from: 'flag', by: '--heartbeat-ms' })
    expect(of('pageEvents')).toMatchObject({ value: 20, from: 'environment', by: 'TIDINGS_PAGE_EVENTS' })
    expect(of('port')).toMatchObject({ value: 3, from: 'file', by: 'tidings.config.json' })
    expect(of('trustedProxies')).toMatchObject({ value: '10.0.0.0/8,unix', from: 'file' })
    expect(of('maxAgeMs')).toMatchObject({ value: 3_600_000, from: 'default', by: null })
  })

  test.each([
    ['tidings.config.json', '{"heartbeatMs":1234,"dev":true}'],
    ['tidings.config.js', 'export default { heartbeatMs: 1234, dev: true }'],
    ['tidings.config.ts', 'const heartbeatMs: number = 1234\nexport default { heartbeatMs, dev: true }'],
  ])('H10: a hub starts with what %s says', async (name, text) => {
    const { program, url } = await serve(['--port', '0', '--store', 'memory'], {}, folderWith(name, text))
    try {
      const response = await fetch(`${url}/events?topic=user:7&userId=7`)
      const { value } = await response.body!.getReader().read()
      expect(new TextDecoder().decode(value)).toContain('"heartbeatMs":1234')
    } finally {
      await program.kill()
    }
  })

  test('H10: limits stand in a file as createHub takes them, and mean the same', async () => {
    const maxConnections = { address: 500, session: null }
    const connectRate = { user: { perSecond: 5, burst: 9 }, session: 3 }
    const { values } = gatherServe({}, {}, await fileOf({ dev: true, maxConnections, connectRate, jobRate: null }))
    expect(planServe(values).hub.limits).toEqual({
      connections: maxConnections,
      connects: connectRate,
      jobCommands: null,
    })
  })

  test('H10, T2: secrets are not shown, wherever they come from', async () => {
    const { settings } = await printed(['--store', 'redis://u:PLANTED-1@h:1'], {
      TIDINGS_JWT_SECRET: 'PLANTED-2 that is long enough for a key of its own',
      TIDINGS_REDIS_PASSWORD: 'PLANTED-3',
    })
    expect(JSON.stringify(settings)).not.toContain('PLANTED')
    expect(settings.find(({ name }) => name === 'jwtSecret')).toMatchObject({ value: '(hidden)', from: 'environment' })
    expect(settings.find(({ name }) => name === 'store')).toMatchObject({ value: 'redis://h:1' })

    const identity = await printed([
      '--jwks',
      'https://u:PLANTED-4@id.example/keys',
      '--jwt-issuer',
      'https://id.example',
    ])
    expect(identity.settings.find(({ name }) => name === 'jwks')).toMatchObject({ value: 'https://id.example/keys' })
  })

  test('H10: --print-config shows settings that contradict each other, then says so and ends with 2', async () => {
    const { code, lines, errors } = await run(['serve', '--print-config', '--dev', '--host', '0.0.0.0'])
    expect(code).toBe(2)
    expect(lines.join('\n')).toMatch(/^host +0\.0\.0\.0 {2}\(flag --host\)$/m)
    expect(errors).toContain('--dev and --host 0.0.0.0')
  })

  test.each([
    ['an unknown key', { heartbeatMS: 1 }, 'Did you mean heartbeatMs?'],
    ['a number that is none', { heartbeatMs: '25s' }, '"heartbeatMs" in tidings.config.json'],
    ['a value of another kind', { heartbeatMs: { ms: 1 } }, '"heartbeatMs" in tidings.config.json'],
    ['limits of another name', { maxConnections: { adress: 5 } }, '"maxConnections" in tidings.config.json'],
    ['a switch that is neither', { dev: 'perhaps' }, '"dev" in tidings.config.json'],
    ['a contradiction', { dev: true, host: '0.0.0.0' }, '--host 0.0.0.0'],
  ])('H10: %s in the file stops the start by name', async (_what, values, name) => {
    const cwd = folderWith('tidings.config.json', JSON.stringify(values))
    const { code, lines, errors } = await run(['serve', '--store', 'memory', '--port', '0'], {}, cwd)
    expect([code, lines]).toEqual([2, []])
    expect(errors).toContain(name)
  })

  test('H10: a file that is missing or broken stops the start by name', async () => {
    const missing = await run(['serve', '--dev', '--config', 'none.json'], {}, folder)
    expect([missing.code, missing.errors]).toEqual([2, expect.stringContaining('none.json')])
    const broken = await run(['serve', '--dev'], {}, folderWith('tidings.config.js', 'export default {'))
    expect([broken.code, broken.errors]).toEqual([2, expect.stringContaining('tidings.config')])
  })

  test('H10: a secret that is malformed is not shown in the refusal', async () => {
    const file = await fileOf({ jwtSecret: ['PLANTED'] })
    expect(() => gatherServe({}, {}, file)).toThrow(
      expect.objectContaining({
        message: expect.not.stringContaining('PLANTED'),
        field: '"jwtSecret" in tidings.config.json',
      }),
    )
  })

  test('H10: a variable with a typing error names its neighbour', async () => {
    const { code, errors } = await run(['serve', '--dev'], { TIDINGS_PROT: '1' })
    expect([code, errors]).toEqual([2, expect.stringContaining('Did you mean TIDINGS_PORT?')])
  })
})
