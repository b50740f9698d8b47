import sse from '@fastify/sse'
import Fastify from 'fastify'
import { markOf, padding, takeCommands, topicOf } from './commands.mjs'

const readers = new Map()
const app = Fastify()
await app.register(sse)
app.get('/events', { sse: true }, async (request, reply) => {
  const topic = topicOf(request.url)
  const those = readers.get(topic) ?? new Set()
  readers.set(topic, those.add(reply))
  reply.sse.keepAlive()
  reply.sse.onClose(() => those.delete(reply))
  await reply.sse.send({ data: 'ready' })
})
app.post('/events', async (request, reply) => {
  void publish(0, request.body.number ?? 0)
  reply.code(201)
  return {}
})

function publish(topic, number) {
  const event = { id: String(number), event: 'tick', data: { mark: markOf(number), padding } }
  return Promise.all([...(readers.get(topic) ?? [])].map((reply) => reply.sse.send(event))).then(() => undefined)
}
await app.listen({ port: 0, host: '127.0.0.1', backlog: 65_535 })
takeCommands(app.server.address().port, publish)
