import { mkdirSync, realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { TidingsError } from '../../errors.js'
import { type Database, loadDriver } from './driver.js'
import { OwnerLock } from './lock.js'
import type { SentTime, ThreadOptions } from './requests.js'
import { Meta, prepareSchema } from './schema.js'

/** Far more numbers than a power cut can take: they were all given since the last checkpoint of the write-ahead log. */
const skippedNumbers = 2 ** 20

export interface OpenFile {
  readonly database: Database
  close(): void
}

/** Takes the lock, opens the file, makes or checks its tables. Leaves nothing open where it throws. */
export async function openFile(options: ThreadOptions, time: SentTime): Promise<OpenFile> {
  const openDatabase = await loadDriver()
  const file = realPath(options.file)
  const lock = OwnerLock.take(file, openDatabase, time.wallMs)
  let database: Database | null = null
  try {
    database = openDatabase(file)
    setUp(database)
    prepareSchema(database, time.wallMs)
    const meta = new Meta(database)
    const wasUnsynced = meta.read('unsynced') === 1
    const isUnsynced = options.synchronous !== 'full'
    if (wasUnsynced) skipNumbers(database)
    if (wasUnsynced !== isUnsynced) meta.write('unsynced', isUnsynced ? 1 : 0)
    // Only now: the note itself must be on the disk before the first number that a power cut may take.
    if (isUnsynced) database.exec('PRAGMA synchronous = NORMAL')
    const opened = database
    return {
      database,
      close() {
        try {
          if (isUnsynced) {
            opened.exec('PRAGMA synchronous = FULL')
            meta.write('unsynced', 0)
          }
        } finally {
          opened.close()
          lock.release()
        }
      },
    }
  } catch (error) {
    database?.close()
    lock.release()
    throw error
  }
}

/** Two paths to one file have one lock. */
function realPath(file: string): string {
  const directory = dirname(file)
  mkdirSync(directory, { recursive: true })
  try {
    return realpathSync(file)
  } catch {
    return join(realpathSync(directory), basename(file))
  }
}

function setUp(database: Database): void {
  const { journal_mode: mode } = database.prepare('PRAGMA journal_mode = WAL').get() as { journal_mode: string }
  if (mode !== 'wal') {
    throw new TidingsError(
      'store_unavailable',
      `The file system of the SQLite store takes no write-ahead log (it is in "${mode}").`,
    )
  }
  database.exec(
    'PRAGMA synchronous = FULL; PRAGMA cache_size = -32768; PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 67108864',
  )
}

/**
 * Without a sync at each commit a power cut may take acknowledged events, and their numbers must not be used twice. So
 * after any end but a clean one the numbers go on behind a stretch in which a cursor can only be of such an event.
 */
function skipNumbers(database: Database): void {
  database.exec('BEGIN')
  database.exec(`INSERT INTO lost SELECT namespace, last, last + ${skippedNumbers} FROM namespaces`)
  database.exec(`UPDATE namespaces SET last = last + ${skippedNumbers}`)
  database.exec('COMMIT')
}
