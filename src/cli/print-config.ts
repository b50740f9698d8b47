import { type Setting, flagName, shown, variableName } from './setting.js'
import type { ConfigFile, Gathered, Origin } from './sources.js'
import { serveSettings } from './serve-settings.js'

export interface SettingInForce {
  readonly name: string
  /** Null: nothing was given and there is no default. Secrets are hidden. */
  readonly value: unknown
  readonly from: Origin
  /** The flag, the variable or the file that says so. */
  readonly by: string | null
}

/** Every setting of `serve` as it is in force, and who says so (H10). */
export function settingsInForce(
  { values, origins }: Gathered<typeof serveSettings>,
  file: ConfigFile | null,
): readonly SettingInForce[] {
  return Object.entries(serveSettings).map(([name, each]) => {
    const setting: Setting<unknown> = each
    const from = origins[name] as Origin
    const given = (values as Readonly<Record<string, unknown>>)[name]
    const value = given ?? (from === 'default' ? setting.fallback : given)
    const by = { flag: flagName(setting), environment: variableName(setting), file: file?.name ?? null, default: null }
    return { name, value: value === undefined ? null : plainOf(setting, value), from, by: by[from] }
  })
}

/** Numbers and switches stay what they are; the rest is shown. */
function plainOf(setting: Setting<unknown>, value: unknown): unknown {
  const isPlain = typeof value === 'number' || typeof value === 'boolean'
  return isPlain ? value : shown(setting, value)
}

export function configTable(settings: readonly SettingInForce[]): string {
  const width = Math.max(...settings.map(({ name }) => name.length))
  return settings
    .map(({ name, value, from, by }) => {
      const words = value === null ? '–' : String(value)
      return `${name.padEnd(width)}  ${words}${from === 'default' ? '' : `  (${from === 'file' ? '' : `${from} `}${by})`}`
    })
    .join('\n')
}
