import { createServer } from 'node:net'
import { Program } from './program.mjs'

/** A port that was free a moment ago: for servers that cannot say which one they were given. */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

/**
 * A server that takes no commands, and `publisher`, a program on the client's core that takes them for it and publishes to
 * it over HTTP. Only the server's CPU and memory count.
 */
export function daemon(server, publisher, args) {
  const path = new URL(`../servers/${publisher}.mjs`, import.meta.url).pathname
  const beside = new Program(1, process.execPath, [path, ...args.map(String)])
  return {
    pid: server.pid,
    line: () => beside.line(),
    say: (command) => beside.say(command),
    ask: (command) => beside.ask(command),
    async end() {
      await beside.end()
      await server.end('SIGTERM')
    },
  }
}
