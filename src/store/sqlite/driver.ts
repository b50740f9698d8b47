import { TidingsError } from '../../errors.js'

/** The part of `node:sqlite` that the store uses; `@photostructure/sqlite` has the same. */
export interface Database {
  exec(sql: string): void
  prepare(sql: string): Statement
  close(): void
}

export interface Statement {
  run(...values: readonly Value[]): { readonly lastInsertRowid: number | bigint; readonly changes: number | bigint }
  get(...values: readonly Value[]): unknown
  all(...values: readonly Value[]): unknown[]
}

export type Value = string | number | null

export type OpenDatabase = (file: string) => Database

interface Driver {
  readonly DatabaseSync: new (file: string) => Database
}

/** Node's own SQLite where it has one (22.13 on), else the optional peer. Throws `option_invalid` saying what to install. */
export async function loadDriver(): Promise<OpenDatabase> {
  const builtIn = await importDriver('node:sqlite')
  const driver = builtIn.driver ?? (await importDriver('@photostructure/sqlite')).driver
  if (!driver) {
    throw new TidingsError(
      'option_invalid',
      `The SQLite store needs Node 22.13 or newer, or the package @photostructure/sqlite (this is Node ${process.versions.node}). ` +
        'Run "npm install @photostructure/sqlite@1.2.1", or keep events in memory for now: --store memory, memoryStore().',
      { field: 'store', cause: builtIn.failure },
    )
  }
  return (file) => new driver.DatabaseSync(file)
}

/** The name is a variable so that neither module has to be installed for the types to resolve. */
async function importDriver(name: string): Promise<{ driver?: Driver; failure?: unknown }> {
  try {
    return { driver: (await import(name)) as Driver }
  } catch (failure) {
    return { failure }
  }
}
