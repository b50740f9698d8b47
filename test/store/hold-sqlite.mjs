// Opens the file named on the command line, says so, and holds it until it is killed.
import { sqliteStore } from '../../dist/store/sqlite.js'

await sqliteStore(process.argv[2]).open()
console.log('open')
setInterval(() => undefined, 60_000)
