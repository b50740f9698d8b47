// Readers in a process of their own: the client as pages use it, plain streams, and polls. Options come as JSON in argv; what
// each reader was given goes to a file as the auditor wants it, once every reader has had the last event.
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { createClient } from '../../dist/client/index.js'
import { createSseDecoder } from '../../dist/protocol/sse-decode.js'
import { seededRandom } from '../../dist/testing/seeded-random.js'

const { url, readers, seed, haste, file } = JSON.parse(process.argv[2])
const random = seededRandom(seed)
/** Backoff as in the product, at `haste` of its length: the test is about what is resumed and not about the wait. */
const hasty = { fraction: () => random.fraction() * haste, bytes: random.bytes }
const controls = new Set(['hello', 'ping', 'bye', 'gap', 'snapshot'])

/** Events are in a table: three hundred readers see the same ones. */
const table = []
const places = new Map()
const place = ({ id, topic, topics = [topic], data }, cursor) => {
  const key = `${cursor} ${id} ${topics.join(' ')} ${data?.text}`
  let at = places.get(key)
  if (at === undefined) {
    at = table.length
    places.set(key, at)
    const digest = createHash('sha256').update(JSON.stringify(data)).digest('base64url').slice(0, 16)
    table.push({ kind: 'event', cursor, id, topics, digest })
  }
  return at
}

const running = []
/** Which node each connection was with, as nginx tells. */
const landings = {}
let finished = 0

class Reader {
  notes = []
  connections = 0
  failures = 0
  #left
  #began
  began = new Promise((resolve) => (this.#began = resolve))

  constructor({ name, kind, token, topics, types }) {
    Object.assign(this, { name, kind, token, topics, types })
    this.layer = kind === 'client' ? 'app' : 'wire'
    this.#left = new Set(topics)
  }

  begin(cursor) {
    this.notes.push({ kind: 'begin', cursor })
    this.#began()
  }

  take(event, cursor) {
    this.notes.push(place(event, cursor))
    if (event.type !== 'end') return
    for (const topic of event.topics ?? [event.topic]) this.#left.delete(topic)
    if (this.#left.size === 0 && !this.done) {
      this.done = true
      finished++
    }
  }

  landed(response) {
    this.connections++
    // nginx names all that it tried; the last one answered.
    const node = response.headers.get('x-node')?.split(', ').at(-1) ?? '?'
    landings[node] = (landings[node] ?? 0) + 1
  }
}

/** What pages do. The handler is not told the cursor of an event, but the client stands at it. */
function runClient(reader) {
  const client = createClient({
    url,
    getToken: () => reader.token,
    random: hasty,
    fetch: async (input, init) => {
      const response = await fetch(input, init)
      reader.landed(response)
      return response
    },
  })
  const cursor = () => client.status.getSnapshot().cursor
  const stop = client.status.subscribe(() => {
    if (cursor() === null) return
    stop()
    reader.begin(cursor())
  })
  for (const topic of reader.topics) {
    // An event of two topics of one reader comes to the handlers of both; it is noted by those of the first.
    const hear = (event) => void ((event.topics ?? [event.topic])[0] === topic && reader.take(event, cursor()))
    client.subscribe(topic, { '*': hear }, { onGap: (gap) => reader.notes.push({ kind: 'gap', ...gap }) })
  }
  client.onError(() => reader.failures++)
  return () => client.close()
}

/** A stream or poll by hand: only what PROTOCOL.md says. */
function runByHand(reader, connect) {
  const abort = new AbortController()
  const query = new URLSearchParams([
    ...reader.topics.map((topic) => ['topic', topic]),
    ...(reader.types ?? []).map((type) => ['type', type]),
  ])
  const loop = async () => {
    let cursor = null
    while (!abort.signal.aborted) {
      try {
        cursor = await connect(reader, query, cursor, abort.signal)
      } catch (error) {
        if (error.cursor) cursor = error.cursor
        reader.failures++
        reader.why = error.message
      }
      if (reader.kind !== 'poll')
        await wait(hasty.fraction() * 2_000, undefined, { signal: abort.signal }).catch(() => {})
      else await wait(20)
    }
  }
  void loop()
  return () => abort.abort()
}

async function stream(reader, query, from, signal) {
  const response = await fetch(`${url}/events?${query}`, {
    headers: { Authorization: `Bearer ${reader.token}`, ...(from && { 'Last-Event-ID': from }) },
    signal,
  })
  reader.landed(response)
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`)
  let cursor = from
  const decoder = createSseDecoder(
    {
      onMessage({ event, data, lastEventId }) {
        const value = JSON.parse(data)
        if (event === 'hello') reader.begin(from ?? value.cursor)
        else if (event === 'ping') reader.notes.push({ kind: 'position', cursor: value.cursor })
        else if (event === 'gap') reader.notes.push({ kind: 'gap', ...value })
        else if (!controls.has(event)) reader.take(value, lastEventId)
      },
      onId: (id) => (cursor = id),
      onRetry() {},
    },
    from ?? '',
  )
  try {
    for await (const part of response.body) decoder.push(part)
  } catch (error) {
    throw Object.assign(error, { cursor })
  }
  return cursor
}

async function poll(reader, query, from, signal) {
  if (from) {
    query.set('since', from)
    query.set('wait', '5')
  }
  const response = await fetch(`${url}/events?${query}`, {
    headers: { Authorization: `Bearer ${reader.token}`, Accept: 'application/json' },
    signal,
  })
  reader.landed(response)
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`)
  const { events, cursor, gaps = [] } = await response.json()
  reader.begin(from ?? cursor)
  const epoch = cursor.slice(0, cursor.lastIndexOf('.'))
  for (const gap of gaps) reader.notes.push({ kind: 'gap', ...gap })
  for (const event of events) reader.take(event, `${epoch}.${event.seq}`)
  reader.notes.push({ kind: 'position', cursor })
  return cursor
}

const all = readers.map((options) => new Reader(options))
for (const reader of all) {
  if (reader.kind === 'client') running.push(runClient(reader))
  else running.push(runByHand(reader, reader.kind === 'poll' ? poll : stream))
}
await Promise.all(all.map(({ began }) => began))
process.send({ ready: true })

process.on('message', async ({ finish }) => {
  const until = performance.now() + finish.withinMs
  while (finished < all.length && performance.now() < until) await wait(50)
  for (const stop of running) stop()
  const late = all.filter(({ done }) => !done).map(({ name, kind, failures, why }) => ({ name, kind, failures, why }))
  const histories = all.map(({ name, topics, types, layer, notes }) => ({ name, topics, types, layer, notes }))
  writeFileSync(file, JSON.stringify({ table, histories }))
  const sum = (what) => all.reduce((total, reader) => total + reader[what], 0)
  process.send({ finished: { late, landings, connections: sum('connections'), failures: sum('failures') } }, () =>
    process.exit(0),
  )
})
