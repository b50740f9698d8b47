// Publishes to the SQLite file named on the command line, from 16 publishers at once, and notes every acknowledged id
// with its number in a second file, until it is killed. What was written to a file outlives the process, whereas a pipe
// whose reader is slow refuses (EAGAIN).
import { openSync, writeSync } from 'node:fs'
import { sqliteStore } from '../../dist/store/sqlite.js'

const [file, round, notes] = process.argv.slice(2)
const acknowledged = openSync(notes, 'a')
const store = sqliteStore(file, { retention: { events: 10_000_000, bytes: 2 ** 40 } })
await store.open()
process.stdout.write('open\n')

const publish = async (publisher) => {
  for (let count = 0; ; count++) {
    const id = `${round}-${publisher}-${count}`
    const topics = count % 3 === 0 ? ['a', 'b'] : [count % 3 === 1 ? 'a' : 'b']
    const event = { id, type: 'test', priority: 'normal', topics, digest: id, body: `"data":"${'x'.repeat(100)}"` }
    const result = await store.append('n', { events: [event] })
    if (result.outcome !== 'stored') throw new Error(JSON.stringify(result))
    writeSync(acknowledged, `${id} ${result.events[0].seq}\n`)
  }
}
await Promise.all(Array.from({ length: 16 }, (_, publisher) => publish(publisher)))
