import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** Installs another major of Node beside the project, once: as a dependency it would shadow the system's `node` in every
 *  script. Returns the path of its binary, or null where the registry does not give it. */
export function secondNode(major) {
  const folder = resolve('.cache', 'nodes', String(major))
  const runs = binaryOf(folder)
  if (runs) return runs
  mkdirSync(folder, { recursive: true })
  // A package.json of its own: without one npm would install into the project above.
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
  console.log(`Installing Node ${major} for the second run`)
  // The package fetches its platform's binary in an install script, also where scripts are off by default.
  const args = ['install', '--prefix', folder, '--no-audit', '--no-fund', '--ignore-scripts=false', `node@${major}`]
  spawnSync('npm', args, { stdio: 'inherit' })
  return binaryOf(folder)
}

function binaryOf(folder) {
  const packageFile = join(folder, 'node_modules', 'node', 'package.json')
  if (!existsSync(packageFile)) return null
  const { bin } = JSON.parse(readFileSync(packageFile, 'utf8'))
  const binary = join(folder, 'node_modules', 'node', typeof bin === 'string' ? bin : (bin?.node ?? 'bin/node'))
  if (!existsSync(binary)) return null
  return spawnSync(binary, ['--version']).status === 0 ? binary : null
}
