// Publishes to nginx with nchan over kept connections: `node nchan-publisher.mjs <port> <pid of nginx>`.
import { Agent, request } from 'node:http'
import { markOf, padding, takeCommands } from './commands.mjs'

const [port, pid] = process.argv.slice(2).map(Number)
const agent = new Agent({ keepAlive: true, maxSockets: 16 })

function publish(topic, number) {
  return new Promise((resolve, reject) => {
    const body = JSON.stringify({ mark: markOf(number), padding })
    const sent = request(
      { port, agent, method: 'POST', path: `/publish/t:${topic}`, headers: { 'X-EventSource-Event': 'tick' } },
      (response) => {
        response.resume().on('end', () => resolve())
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}
takeCommands(port, publish, { pid: () => pid })
