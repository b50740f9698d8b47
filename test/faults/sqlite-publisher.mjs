// Publishes to the SQLite file named on the command line, from 16 publishers at once, and prints every acknowledged id
// with its number, until it is killed. Standard output to a pipe is synchronous: what was printed arrives.
import { writeSync } from 'node:fs'
import { sqliteStore } from '../../dist/store/sqlite.js'

const [file, round] = process.argv.slice(2)
const store = sqliteStore(file, { retention: { events: 10_000_000, bytes: 2 ** 40 } })
await store.open()
writeSync(1, 'open\n')

const publish = async (publisher) => {
  for (let count = 0; ; count++) {
    const id = `${round}-${publisher}-${count}`
    const topics = count % 3 === 0 ? ['a', 'b'] : [count % 3 === 1 ? 'a' : 'b']
    const event = { id, type: 'test', priority: 'normal', topics, digest: id, body: `"data":"${'x'.repeat(100)}"` }
    const result = await store.append('n', { events: [event] })
    if (result.outcome !== 'stored') throw new Error(JSON.stringify(result))
    writeSync(1, `${id} ${result.events[0].seq}\n`)
  }
}
await Promise.all(Array.from({ length: 16 }, (_, publisher) => publish(publisher)))
