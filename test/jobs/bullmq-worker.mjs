// A BullMQ worker in a process of its own, which knows nothing of Tidings: it takes one job and never ends it.
import { Worker } from 'bullmq'

const { name, path } = JSON.parse(process.argv[2])
const options = { connection: { path }, lockDuration: 500, stalledInterval: 200 }
new Worker(
  name,
  async (job) => {
    await job.updateProgress(50)
    process.send('begun')
    await new Promise(() => {})
  },
  options,
)
