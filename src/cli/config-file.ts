import { existsSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { refusal } from './refusal.js'
import type { ConfigFile } from './sources.js'

/**
 * Reads `tidings.config.{ts,js,json}` of the folder, or the file that is named. Null: there is none. A file in JavaScript is
 * run. Rejects with `option_invalid` naming a file that is missing or broken.
 */
export async function readConfigFile(named: string | undefined, folder = process.cwd()): Promise<ConfigFile | null> {
  const path = named === undefined ? undefined : resolve(folder, named)
  if (path !== undefined && !existsSync(path)) throw refusal('--config', `--config: there is no file ${named}.`)
  // Loaded on demand: hubs without a file start without it.
  const { loadConfig } = await import('c12')
  try {
    const { config, _configFile: found } = await loadConfig<Record<string, unknown>>({
      name: 'tidings',
      cwd: folder,
      ...(path !== undefined && { configFile: path }),
      // Settings come from one file, and nothing is fetched.
      rcFile: false,
      globalRc: false,
      packageJson: false,
      dotenv: false,
      envName: false,
      extend: false,
      giget: false,
      // The usual one leaves out null, which says "no limit" here.
      merger: (...sources) => sources.find((source) => source !== null && source !== undefined) ?? {},
    })
    if (found === undefined || !existsSync(found)) return null
    const name = relative(folder, found) || found
    if (typeof config !== 'object' || config === null || Array.isArray(config))
      throw refusal(name, `${name} must hold one object of settings.`)
    return { name, values: config }
  } catch (cause) {
    if ((cause as { code?: string }).code === 'option_invalid') throw cause
    const name = named ?? 'tidings.config'
    throw refusal(name, `${name} cannot be read: ${(cause as Error).message}`)
  }
}
