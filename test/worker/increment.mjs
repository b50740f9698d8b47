// One worker process of ten-workers.test.ts: increments a job, then, when told, tries to be the one who completes it.
import { once } from 'node:events'
import { connectJobs } from '#src/worker/index.js'

const [url, token, jobId, name, count] = process.argv.slice(2)
let requests = 0
const jobs = connectJobs({
  url,
  getToken: () => token,
  fetch: (...given) => {
    requests++
    return fetch(...given)
  },
})
const job = jobs.open(jobId)

// In threes, of which the last is awaited; each tenth travels alone, under an id of its own.
const sent = []
for (let nth = 0; nth < Number(count); nth++) {
  const own = nth % 10 === 0 ? { id: `${name}/${nth}` } : {}
  sent.push(job.increment({ processed: 1 }, own))
  if (nth % 3 === 2) await sent.at(-1)
}
const accepted = (await Promise.all(sent)).filter(Boolean).length
process.send({ accepted, requests })

await once(process, 'message')
const won = await job.complete({ by: name })
process.send({ won })
job.close()
process.disconnect()
