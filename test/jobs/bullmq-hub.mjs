// A hub with a bridge in a process of its own, to be killed. It tells when it reads.
import { Queue, QueueEvents } from 'bullmq'
import { createHub } from '../../dist/index.js'
import { fromBullMQ } from '../../dist/jobs/bullmq/index.js'
import { sqliteStore } from '../../dist/store/sqlite.js'

const { name, path, file } = JSON.parse(process.argv[2])
const connection = { path }
const hub = await createHub({ authenticate: () => null, store: sqliteStore(file) })
const events = new QueueEvents(name, { connection, autorun: false })
const queue = new Queue(name, { connection })
await fromBullMQ(events, { hub, queue, owner: ({ data }) => data.userId, lookMs: 100 })
process.send('reading')
