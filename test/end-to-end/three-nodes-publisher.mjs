// Publishes from a process of its own, over HTTP or through a hub without HTTP on the same store, until it is told to stop or
// killed. Each call and each answer is a line of a file, written before anything else happens, so that a kill loses none.
import { createHash } from 'node:crypto'
import { openSync, writeSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { createHub } from '../../dist/index.js'
import { seededRandom } from '../../dist/testing/seeded-random.js'

const { name, store, urls, token, topics, lanes, pauseMs, seed, file } = JSON.parse(process.argv[2])
const random = seededRandom(seed)
const notes = openSync(file, 'a')
const note = (entry) => writeSync(notes, `${JSON.stringify(entry)}\n`)
const pick = (list) => list[Math.floor(random.fraction() * list.length)]

const send = store ? await throughHub() : throughHttp()
let stopping = false
process.on('message', () => (stopping = true))
process.send({ ready: true })
await Promise.all(Array.from({ length: lanes }, (_, lane) => publish(`${name}-${lane}`)))
process.exit(0)

/** One event after the other; one that was not acknowledged is sent again with its id, as a publisher should. */
async function publish(by) {
  for (let n = 0; !stopping; n++) {
    const id = `${by}-${n}`
    const named = [...new Set(random.fraction() < 0.2 ? [pick(topics), pick(topics)] : [pick(topics)])]
    const data = { text: id, pad: 'x'.repeat(Math.floor(random.fraction() * 200)) }
    const event = { id, topics: named, type: pick(['a', 'b']), data }
    const digest = createHash('sha256').update(JSON.stringify(data)).digest('base64url').slice(0, 16)
    for (let attempt = 0; ; attempt++) {
      note({ call: id, by, n, topics: named, type: event.type, digest, at: Date.now() })
      try {
        const { cursor } = await send(event, attempt)
        note({ answered: id, cursor, at: Date.now() })
        break
      } catch (error) {
        note({ failed: id, why: String(error.message) })
        await wait(20 + random.fraction() * 200)
      }
    }
    await wait(random.fraction() * 2 * pauseMs)
  }
}

async function throughHub() {
  const { redisStore } = await import('../../dist/store/redis.js')
  const limits = { retention: { events: 1_000_000, bytes: 2 ** 40 } }
  const hub = await createHub({ store: redisStore({ url: store, ...limits }), development: true })
  return (event) => hub.publish(event)
}

/** Each attempt goes to another node. */
function throughHttp() {
  let turn = 0
  return async (event) => {
    const response = await fetch(`${urls[turn++ % urls.length]}/events`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(event),
      signal: AbortSignal.timeout(10_000),
    })
    if (!response.ok) throw new Error(`status ${response.status}: ${await response.text()}`)
    const answer = await response.json()
    if (!answer.cursor) throw new Error('queued')
    return answer
  }
}
