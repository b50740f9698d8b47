import { createServer } from 'node:http'
import { createChannel, createSession } from 'better-sse'
import { markOf, padding, takeCommands, topicOf } from './commands.mjs'

const channels = new Map()
const channelOf = (topic) => {
  const channel = channels.get(topic) ?? createChannel()
  channels.set(topic, channel)
  return channel
}
const publish = (topic, number) =>
  void channelOf(topic).broadcast({ mark: markOf(number), padding }, 'tick', { eventId: String(number) })

const server = createServer(async (request, response) => {
  if (request.method === 'POST') {
    let body = ''
    for await (const part of request) body += part
    publish(0, JSON.parse(body).number ?? 0)
    response.writeHead(201, { 'Content-Type': 'application/json' }).end('{}')
    return
  }
  channelOf(topicOf(request.url)).register(await createSession(request, response))
})
server.listen({ port: 0, host: '127.0.0.1', backlog: 65_535 }, () => takeCommands(server.address().port, publish))
