// Readers in a process of their own, that go from one node to the other when theirs ends: plain streams as PROTOCOL.md has them,
// and the client as pages use it. Options come as the first message. Each event carries the next number; what a reader was given is
// checked as it comes.
import { once } from 'node:events'
import { request } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { createClient } from '../../dist/client/index.js'
import { createSseDecoder } from '../../dist/protocol/sse-decode.js'

const [{ nodes, topic, readers }] = await once(process, 'message')
/** On the clock of the machine, which the other processes also read. */
const now = () => Date.now()

class Reader {
  /** Which node it is with: an index of `nodes`. */
  at = 0
  next = null
  given = 0
  connected = 0
  /** What the node said at the end, and when the reader was back. */
  byes = []
  returns = []
  wrong = []
  failures = []
  gaps = 0

  constructor({ name, kind, token, localAddress }) {
    Object.assign(this, { name, kind, token, localAddress })
  }

  take(number) {
    this.given++
    if (this.next !== null && number !== this.next && this.wrong.length < 5)
      this.wrong.push({ expected: this.next, got: number })
    this.next = number + 1
  }

  landed() {
    if (this.connected++ > 0) this.returns.push({ at: now(), node: this.at })
    if (this.connected === 1) opened.resolve(++openCount)
  }

  get summary() {
    const { name, kind, at, next, given, byes, returns, wrong, failures, gaps } = this
    return { name, kind, at, next, given, byes, returns, wrong, failures, gaps }
  }
}

let openCount = 0
const opened = { resolve: (count) => count === readers.length && process.send({ open: count }) }
let running = true

/** The stream of one reader, again and again; on the other node after each end. */
async function stream(reader) {
  let cursor = ''
  while (running) {
    let retryMs = null
    try {
      retryMs = await oneStream(reader, cursor, (id) => (cursor = id))
    } catch (error) {
      reader.failures.push(error.code ?? error.message)
    }
    if (!running) return
    reader.at = (reader.at + 1) % nodes.length
    // Without a word of the node: full jitter, as a client should.
    await wait(retryMs ?? Math.random() * 1_000)
  }
}

async function oneStream(reader, cursor, stood) {
  const asked = request(`${nodes[reader.at]}/events?topic=${topic}`, {
    agent: false,
    localAddress: reader.localAddress,
    headers: {
      Authorization: `Bearer ${reader.token}`,
      Accept: 'text/event-stream, application/problem+json',
      ...(cursor && { 'Last-Event-ID': cursor }),
    },
  })
  reader.abort = () => asked.destroy()
  asked.end()
  const [response] = await once(asked, 'response')
  if (response.statusCode !== 200) {
    response.resume()
    const retryAfter = Number(response.headers['retry-after'])
    reader.failures.push(response.statusCode)
    return Number.isFinite(retryAfter) ? retryAfter * 1_000 : null
  }
  let told = null
  let retryMs = null
  const decoder = createSseDecoder(
    {
      onMessage({ event, data }) {
        const value = JSON.parse(data)
        if (event === 'hello') {
          reader.landed()
        } else if (event === 'bye') {
          // The block's `retry:` comes before its message.
          reader.byes.push({ at: now(), ...value, retryMs })
          told = value.retryAfterMs
        } else if (event === 'gap') reader.gaps++
        else if (event === 'number') reader.take(value.data)
      },
      onId: stood,
      onRetry: (ms) => (retryMs = ms),
    },
    cursor,
  )
  try {
    for await (const part of response) decoder.push(part)
  } catch (error) {
    // A reader that was told when to come back does not mind how the connection ends.
    if (told === null) throw error
  }
  return told
}

/** The client behind something that sends it to a node that answers, as a load balancer does. */
function client(reader) {
  const tidings = createClient({
    url: nodes[0],
    getToken: () => reader.token,
    fetch: async (input, init) => {
      for (;;) {
        const address = String(input).replace(nodes[0], nodes[reader.at])
        try {
          const response = await fetch(address, init)
          const isLast = reader.at === nodes.length - 1
          if (response.headers.get('content-type')?.startsWith('text/event-stream')) reader.landed()
          if (response.status !== 503 || isLast) return response
        } catch (error) {
          if (init.signal?.aborted || reader.at === nodes.length - 1) throw error
        }
        reader.at++
      }
    },
  })
  tidings.subscribe(topic, { number: ({ data }) => reader.take(data) }, { onGap: () => reader.gaps++ })
  reader.abort = () => tidings.close()
}

const all = readers.map((options) => new Reader(options))
for (const reader of all) {
  if (reader.kind === 'client') client(reader)
  else void stream(reader)
  // A handful at a time: what is tested is the end, and not how fast one machine can open sockets.
  if (all.indexOf(reader) % 20 === 19) await wait(20)
}

process.on('message', async ({ until, withinMs }) => {
  const end = now() + withinMs
  while (all.some(({ next }) => next === null || next <= until) && now() < end) await wait(20)
  const summaries = all.map(({ summary }) => summary)
  running = false
  process.send({ summaries }, () => process.exit(0))
})
