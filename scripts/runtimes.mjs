import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** What the client is also tried on, at exact versions. */
const runtimes = { bun: '1.4.5', deno: '2.9.6' }

const folder = resolve('.cache', 'runtimes')

/** The path of a runtime's binary; null where it is not installed. */
export function runtimeOf(name) {
  const binary = join(folder, 'node_modules', '.bin', name)
  return existsSync(binary) ? binary : null
}

/** Installs them beside the project, once: they are large, and nothing else needs them. Returns what is missing. */
export function installRuntimes() {
  const names = Object.keys(runtimes)
  const missing = () => names.filter((name) => runtimeOf(name) === null)
  if (missing().length === 0) return []
  mkdirSync(folder, { recursive: true })
  // A package.json of its own: without one npm would install into the project above.
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
  console.log(`Installing ${missing().join(', ')}`)
  // Their packages fetch the platform's binary in an install script, also where scripts are off by default.
  const packages = names.map((name) => `${name}@${runtimes[name]}`)
  const args = ['install', '--prefix', folder, '--no-audit', '--no-fund', '--ignore-scripts=false', ...packages]
  spawnSync('npm', args, { stdio: 'inherit' })
  return missing()
}
