import { createServer } from 'node:http'
import { Server } from 'socket.io'
import { markOf, padding, takeCommands, topicOf } from './commands.mjs'

const server = createServer()
const io = new Server(server, { serveClient: false })
io.on('connection', (socket) => socket.join(`t:${topicOf(socket.handshake.url)}`))
const publish = (topic, number) => void io.to(`t:${topic}`).emit('tick', { mark: markOf(number), padding })
server.listen({ port: 0, host: '127.0.0.1', backlog: 65_535 }, () => takeCommands(server.address().port, publish))
