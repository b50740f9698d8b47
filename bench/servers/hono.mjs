import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { streamSSE } from 'hono/streaming'
import { markOf, padding, takeCommands, topicOf } from './commands.mjs'

const readers = new Map()
const app = new Hono()
app.get('/events', (context) =>
  streamSSE(context, async (stream) => {
    const topic = topicOf(context.req.url)
    const those = readers.get(topic) ?? new Set()
    readers.set(topic, those.add(stream))
    await stream.writeSSE({ data: 'ready' })
    await new Promise((resolve) => stream.onAbort(resolve))
    those.delete(stream)
  }),
)
app.post('/events', async (context) => {
  void publish(0, (await context.req.json()).number ?? 0)
  return context.json({}, 201)
})

function publish(topic, number) {
  const event = { id: String(number), event: 'tick', data: JSON.stringify({ mark: markOf(number), padding }) }
  return Promise.all([...(readers.get(topic) ?? [])].map((stream) => stream.writeSSE(event))).then(() => undefined)
}
const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1', overrideGlobalObjects: false }, ({ port }) =>
  takeCommands(port, publish),
)
server.on('error', (error) => console.error(error))
