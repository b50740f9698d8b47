import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { TidingsError } from '../../errors.js'
import type { Database, OpenDatabase } from './driver.js'
import { isBusy } from './failures.js'

/**
 * One owner for a file (S1). The lock is an exclusive transaction on a small database of its own, held for life: the
 * operating system frees it with the process, however that ends, and `file` itself stays readable for backups. Who
 * holds it stands in a third file, because nobody can read the locked one.
 *
 * Nothing else in this process may open `<file>.lock`: on POSIX, closing any descriptor of a file drops its locks.
 */
export class OwnerLock {
  readonly #database: Database
  readonly #ownerFile: string

  private constructor(database: Database, ownerFile: string) {
    this.#database = database
    this.#ownerFile = ownerFile
  }

  /** Throws `store_locked` naming the owner. */
  static take(file: string, openDatabase: OpenDatabase, startedMs: number): OwnerLock {
    const ownerFile = `${file}.owner`
    const database = openDatabase(`${file}.lock`)
    try {
      database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
      writeFileSync(ownerFile, JSON.stringify({ pid: process.pid, host: hostname(), startedMs }))
    } catch (error) {
      database.close()
      if (!isBusy(error)) throw error
      throw new TidingsError(
        'store_locked',
        `${file} is in use by ${describeOwner(ownerFile)}. A SQLite store has one owner: ` +
          'use the HTTP API of that hub, or stop it first.',
      )
    }
    return new OwnerLock(database, ownerFile)
  }

  release(): void {
    rmSync(this.#ownerFile, { force: true })
    this.#database.close()
  }
}

function describeOwner(ownerFile: string): string {
  try {
    const { pid, host, startedMs } = JSON.parse(readFileSync(ownerFile, 'utf8')) as Record<string, unknown>
    return `process ${String(pid)} on ${String(host)}, since ${new Date(Number(startedMs)).toISOString()}`
  } catch {
    return 'another process that has not written its name yet'
  }
}
