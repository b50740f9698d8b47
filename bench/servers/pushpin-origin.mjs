// The application behind pushpin: tells it to hold each stream and what topic it reads, and publishes over its control port:
// `node pushpin-origin.mjs <port of pushpin> <its control port> <port of this> <pid of pushpin>`.
import { Agent, createServer, request } from 'node:http'
import { eventText, takeCommands, topicOf } from './commands.mjs'

const [port, controlPort, originPort, pid] = process.argv.slice(2).map(Number)
const agent = new Agent({ keepAlive: true })

const answer = (options, body) =>
  new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', agent, ...options }, resolve)
    sent.on('error', reject)
    sent.end(body)
  })
const isUp = async () => {
  const response = await answer({ port, path: '/up' }).catch(() => null)
  response?.resume()
  return response?.statusCode === 200
}

const itemOf = (channel, content) => ({ channel, formats: { 'http-stream': { content } } })
/** Each worker of condure has its own queue, and which one gets a stream is chance: of these, both have some. */
const turnStreams = 8
let items = []
let turn = null
let bytes = 0
let passed = null

// What is published in one turn goes in one request, which pushpin takes in order. It answers before it delivers, and what
// it cannot deliver soon enough it drops; so a turn ends with a byte to streams of this program, and the next one waits
// for all of these.
function publish(topic, number) {
  items.push(itemOf(`t:${topic}`, eventText(number)))
  turn ??= Promise.resolve().then(async () => {
    const body = JSON.stringify({ items: [...items, itemOf('turns', '.')] })
    items = []
    turn = null
    bytes = 0
    const all = new Promise((resolve) => (passed = resolve))
    const response = await answer({ port: controlPort, method: 'POST', path: '/publish/' }, body)
    response.resume()
    if (response.statusCode !== 200) throw new Error(`pushpin answered ${response.statusCode} to a publish`)
    const timer = setTimeout(() => fail('pushpin did not deliver a turn within 30 s'), 30_000)
    await all
    clearTimeout(timer)
  })
  return turn
}

function fail(message) {
  throw new Error(message)
}

createServer((asked, response) => {
  if (asked.url === '/up') return response.end()
  const isTurns = asked.url === '/turns'
  response.writeHead(200, {
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-store',
    'Grip-Hold': 'stream',
    'Grip-Channel': isTurns ? 'turns' : `t:${topicOf(asked.url)}`,
  })
  response.end(isTurns ? '' : ': ready\n\n')
}).listen({ port: originPort, host: '127.0.0.1', backlog: 65_535 }, async () => {
  const deadline = performance.now() + 10_000
  while (!(await isUp())) {
    if (performance.now() > deadline) fail('pushpin did not come up')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  for (let count = 0; count < turnStreams; count++) {
    const stream = await answer({ port, path: '/turns', agent: new Agent() })
    stream.on('close', () => fail('pushpin ended a stream'))
    stream.on('data', () => {
      if (++bytes === turnStreams) passed()
    })
  }
  takeCommands(port, publish, { pid: () => pid })
})
