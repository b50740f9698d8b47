import type { DatabaseSync } from 'node:sqlite'

/** The crawler's own rows. What people are told of them goes through the hub; the rows are what is true. */
const schema = `
  create table if not exists crawls (
    id text primary key,          -- also the job's id
    owner text not null,          -- the person's user id
    url text not null,
    max_depth integer not null,
    max_pages integer not null,
    created_at integer not null,  -- Unix ms
    started integer not null default 0,
    changes integer not null default 0,  -- rises with every change of a page of this crawl
    final_job text                -- the job as it ended, as JSON; null while the crawl is open
  ) strict;
  create index if not exists crawls_of on crawls (owner, created_at desc);

  create table if not exists pages (
    crawl text not null references crawls (id),
    number integer not null,      -- 1 is the page that was given
    url text not null,
    depth integer not null,
    state text not null,          -- queued, taken, done, failed, skipped
    takes integer not null default 0,      -- how often it was taken: who holds an older take holds nothing
    taken_until integer not null default 0, -- Unix ms; also while a finished page is being counted
    counted integer not null default 0,    -- whether the job's counters have it
    found integer not null default 0,      -- pages that were first found on this one
    title text,
    reason text,
    bytes integer,
    ms integer,
    change integer not null,
    primary key (crawl, number),
    unique (crawl, url)
  ) strict;
  create index if not exists pages_open on pages (crawl, number) where counted = 0;
  create index if not exists pages_changed on pages (crawl, change);

  create table if not exists documents (
    crawl text not null,
    number integer not null,
    markdown text not null,
    primary key (crawl, number)
  ) strict;
`

/** Opens the crawler's file: Node's own SQLite from 22.13 on, the same interface from a package before. */
export async function openDatabase(file: string): Promise<DatabaseSync> {
  const { DatabaseSync } = await loadSqlite()
  const database = new DatabaseSync(file)
  // FULL, because a page that was counted in the hub must not be forgotten here by a power cut.
  database.exec('pragma journal_mode = wal; pragma synchronous = full; pragma busy_timeout = 5000')
  database.exec(schema)
  return database
}

async function loadSqlite(): Promise<typeof import('node:sqlite')> {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > 22 || (major === 22 && minor >= 13)) return await import('node:sqlite')
  return (await import('@photostructure/sqlite')) as unknown as typeof import('node:sqlite')
}

/** Runs `work` as one step: all of it is kept, or none. */
export function inOneStep<Result>(database: DatabaseSync, work: () => Result): Result {
  database.exec('begin immediate')
  try {
    const result = work()
    database.exec('commit')
    return result
  } catch (error) {
    database.exec('rollback')
    throw error
  }
}
