import { TidingsError } from '../../errors.js'
import type { Database } from './driver.js'

/** The layout of the file. A file of a higher version is refused (H9); raise it with every change of a table. */
const schemaVersion = 2

/** What version 2 added: figures of what is kept (O3). */
const figures = `
ALTER TABLE namespaces ADD COLUMN events INTEGER NOT NULL DEFAULT 0;  -- kept, each once
ALTER TABLE namespaces ADD COLUMN topics INTEGER NOT NULL DEFAULT 0;  -- rows of them
ALTER TABLE states ADD COLUMN label TEXT;

-- States by what they are counted under: 'lease', 'deadline', and 'label ' with their label.
CREATE TABLE tallies (
  namespace INTEGER NOT NULL,
  name TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (namespace, name)
) WITHOUT ROWID;
`

/** Once for a file of version 1: all later figures go on from these. What had no label gets one with its next write. */
const firstFigures = `
UPDATE namespaces SET
  topics = (SELECT count(*) FROM topics WHERE topics.namespace = namespaces.namespace),
  events = (SELECT count(DISTINCT row) FROM entries JOIN topics USING (topic) WHERE topics.namespace = namespaces.namespace);
INSERT INTO tallies SELECT namespace, iif(lease_ms IS NULL, 'deadline', 'lease'), count(*) FROM states
  WHERE deadline IS NOT NULL GROUP BY 1, 2;
`

const tables = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;

CREATE TABLE namespaces (
  namespace INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  epoch TEXT NOT NULL,
  last INTEGER NOT NULL,        -- number of the last event
  timestamp INTEGER NOT NULL,   -- of the last append; never falls
  bytes INTEGER NOT NULL,       -- kept, against the quota
  aged INTEGER NOT NULL,        -- at or below it events were trimmed by age
  aged_personal INTEGER NOT NULL,
  ids_first INTEGER NOT NULL,   -- remembered ids are the places [ids_first, ids_next)
  ids_next INTEGER NOT NULL
);

-- An event is one row, however many topics it has. \`uses\` counts the entries that still point to it.
CREATE TABLE events (
  row INTEGER PRIMARY KEY,
  seq INTEGER NOT NULL,
  timestamp INTEGER NOT NULL,
  id TEXT NOT NULL,
  type TEXT NOT NULL,
  priority TEXT NOT NULL,
  topics TEXT NOT NULL,         -- JSON array
  conflation_key TEXT,
  body TEXT NOT NULL,
  uses INTEGER NOT NULL,
  checksum INTEGER NOT NULL     -- CRC-32 of the above but \`uses\`
);

CREATE TABLE topics (
  topic INTEGER PRIMARY KEY,
  namespace INTEGER NOT NULL,
  name TEXT NOT NULL,
  personal INTEGER NOT NULL,    -- 1: the longer age (S4)
  first INTEGER NOT NULL,       -- oldest kept number; where nothing is kept, \`last\`
  last INTEGER NOT NULL,        -- newest number there ever was
  count INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  erased INTEGER NOT NULL,      -- newest number taken away before its time, 0 = none
  UNIQUE (namespace, name)
);
CREATE INDEX topics_by_first ON topics (namespace, personal, first);

-- \`prev\` is the number before it in the topic: it proves cursors, and shows a hole in the index itself.
CREATE TABLE entries (
  topic INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  prev INTEGER NOT NULL,
  row INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  shared INTEGER NOT NULL,      -- 1: the event has several topics
  PRIMARY KEY (topic, seq)
) WITHOUT ROWID;

-- By place, so that the oldest go as one range and counting them is a subtraction.
CREATE TABLE ids (
  namespace INTEGER NOT NULL,
  place INTEGER NOT NULL,
  id TEXT NOT NULL,
  digest TEXT NOT NULL,
  seq INTEGER,                  -- null: a command
  seen INTEGER NOT NULL,        -- on the store's steady clock
  PRIMARY KEY (namespace, place)
) WITHOUT ROWID;
CREATE UNIQUE INDEX ids_by_id ON ids (namespace, id);

-- At \`timestamp\` the last number was \`seq\`.
CREATE TABLE moments (
  namespace INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  timestamp INTEGER NOT NULL,
  PRIMARY KEY (namespace, seq)
) WITHOUT ROWID;

-- Numbers above \`after\`, up to \`upto\`, may have been given to events that a power cut took.
CREATE TABLE lost (
  namespace INTEGER NOT NULL,
  after INTEGER NOT NULL,
  upto INTEGER NOT NULL,
  PRIMARY KEY (namespace, after)
) WITHOUT ROWID;

CREATE TABLE states (
  row INTEGER PRIMARY KEY,
  namespace INTEGER NOT NULL,
  topic TEXT NOT NULL,
  version INTEGER NOT NULL,
  value TEXT NOT NULL,
  part_of TEXT,
  deadline INTEGER,             -- on the store's steady clock
  lease_ms INTEGER,             -- null: the deadline is not a lease
  UNIQUE (namespace, topic)
);
CREATE INDEX states_by_group ON states (namespace, part_of, row);
CREATE INDEX states_by_deadline ON states (deadline) WHERE deadline IS NOT NULL;
`

/** Makes the tables of a new file; refuses a newer one (`store_newer`) and one that is not ours (`store_corrupt`). */
export function prepareSchema(database: Database, nowMs: number): void {
  const found = database.prepare("SELECT count(*) AS count, sum(name = 'meta') AS ours FROM sqlite_master").get() as {
    count: number
    ours: number | null
  }
  if (found.count === 0) {
    database.exec('BEGIN IMMEDIATE')
    database.exec(tables)
    database.exec(figures)
    const meta = new Meta(database)
    meta.write('version', schemaVersion)
    meta.write('dueMs', nowMs)
    database.exec('COMMIT')
    return
  }
  const version = found.ours ? new Meta(database).read('version') : null
  if (version === null) {
    throw new TidingsError(
      'store_corrupt',
      'The file is an SQLite database, but not one of Tidings. Name another file.',
    )
  }
  if (version > schemaVersion) {
    throw new TidingsError(
      'store_newer',
      `The file was written by a newer Tidings (store version ${version}; this one reads up to ${schemaVersion}). Upgrade this process.`,
    )
  }
  if (version === schemaVersion) return
  database.exec('BEGIN IMMEDIATE')
  database.exec(figures)
  database.exec(firstFigures)
  new Meta(database).write('version', schemaVersion)
  database.exec('COMMIT')
}

/** Single numbers about the whole file. */
export class Meta {
  readonly #select
  readonly #upsert

  constructor(database: Database) {
    this.#select = database.prepare('SELECT value FROM meta WHERE key = ?')
    this.#upsert = database.prepare(
      'INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
    )
  }

  read(key: string): number | null {
    const row = this.#select.get(key) as { value: number } | undefined
    return row ? row.value : null
  }

  write(key: string, value: number): void {
    this.#upsert.run(key, value)
  }
}
