// The control of what is durable: rows into SQLite and out of it again, with nothing around them. `durable <total> <atOnce>`
// writes rows of an event's size, `atOnce` a transaction, each committed with synchronous=FULL; `catchup <total>` reads ranges
// of as many rows as fit a page.
import { takeCommands, padding } from './commands.mjs'

const { DatabaseSync } = await import('node:sqlite').catch(() => import('@photostructure/sqlite'))
const database = new DatabaseSync(process.argv[2])
database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
database.exec('CREATE TABLE events (seq INTEGER PRIMARY KEY, topic TEXT, id TEXT, type TEXT, body TEXT)')
const insert = database.prepare('INSERT INTO events VALUES (?, ?, ?, ?, ?)')
const range = database.prepare('SELECT * FROM events WHERE seq > ? ORDER BY seq LIMIT 1000')
const body = JSON.stringify({ source: 'tidings', version: 1, data: { padding } })
let last = 0

function durable(total, atOnce) {
  const began = performance.now()
  for (let written = 0; written < total; written += atOnce) {
    database.exec('BEGIN')
    for (let at = 0; at < atOnce; at++) insert.run(++last, `t:${last % 100}`, crypto.randomUUID(), 'tick', body)
    database.exec('COMMIT')
  }
  return performance.now() - began
}

function catchup(total) {
  durable(total, 1_000)
  const began = performance.now()
  let read = 0
  for (let after = last - total; after < last; after += 1_000) read += range.all(after).length
  if (read !== total) throw new Error(`read ${read} of ${total}`)
  return performance.now() - began
}

takeCommands(0, () => {}, {
  durable: (total, atOnce) => durable(Number(total), Number(atOnce)),
  catchup: (total) => catchup(Number(total)),
})
