// The control: node:http and nothing else. One Buffer for all readers, chunk framing included, written to the socket past
// the response, one write per connection and turn. `--string` writes strings to the response as people do. A long poll is
// answered with what came after its cursor, at once or when it comes.
import { createServer } from 'node:http'
import { eventData, eventText, takeCommands, topicOf } from './commands.mjs'

const asString = process.argv.includes('--string')
const readers = new Map()
const waiting = new Map()
/** By topic: all its events, and the polls that wait for the next. */
const logs = new Map()
const held = new Map()

const server = createServer((request, response) => {
  if (request.method === 'POST') {
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (part) => (body += part))
    request.on('end', () => {
      const event = JSON.parse(body)
      publish(0, event.number ?? 0)
      response.writeHead(201, { 'Content-Type': 'application/json' }).end('{"id":"1"}')
    })
    return
  }
  const topic = topicOf(request.url)
  if (request.headers.accept === 'application/json') return poll(topic, request, response)
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
  response.write(': ready\n\n')
  const those = readers.get(topic) ?? new Set()
  readers.set(topic, those)
  const reader = asString ? response : response.socket
  those.add(reader)
  response.on('close', () => those.delete(reader))
})

function poll(topic, request, response) {
  const log = logs.get(topic) ?? []
  logs.set(topic, log)
  const since = /since=(\d+)/.exec(request.url)?.[1]
  if (since === undefined || since < log.length) return answer(response, log, since ?? log.length)
  const those = held.get(topic) ?? new Set()
  held.set(topic, those)
  const one = { since, response }
  those.add(one)
  response.on('close', () => those.delete(one))
}

function answer(response, log, since) {
  const body = `{"events":[${log.slice(since).join(',')}],"cursor":"${log.length}"}`
  const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }
  response.writeHead(200, headers).end(body)
}

function answerHeld() {
  for (const [topic, those] of held) {
    held.delete(topic)
    for (const { response, since } of those) answer(response, logs.get(topic), since)
  }
}

function publish(topic, number) {
  const text = eventText(number)
  if (logs.has(topic)) {
    logs.get(topic).push(eventData(number))
    if (held.has(topic)) setImmediate(answerHeld)
  }
  if (asString) {
    for (const response of readers.get(topic) ?? []) response.write(text)
    return
  }
  const chunk = Buffer.from(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`)
  if (waiting.size === 0) setImmediate(flush)
  const chunks = waiting.get(topic)
  if (chunks) chunks.push(chunk)
  else waiting.set(topic, [chunk])
}

function flush() {
  for (const [topic, chunks] of waiting) {
    const joined = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)
    for (const socket of readers.get(topic) ?? []) socket.write(joined)
  }
  waiting.clear()
}

server.listen({ port: 0, host: '127.0.0.1', backlog: 65_535 }, () => takeCommands(server.address().port, publish))
