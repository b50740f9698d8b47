import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * The secret that signs cookies: `CRAWLER_SECRET`, else the one in the data folder, made at the first start. It outlives
 * the process so that nobody is signed out by a restart.
 */
export function readSecret(dataFolder: string, environment: NodeJS.ProcessEnv = process.env): string {
  const given = environment['CRAWLER_SECRET']
  if (given !== undefined) {
    if (given.length < 32) throw new Error('CRAWLER_SECRET must have at least 32 characters.')
    return given
  }
  const file = join(dataFolder, 'secret')
  try {
    writeFileSync(file, randomBytes(32).toString('base64url'), { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  return readFileSync(file, 'utf8').trim()
}
