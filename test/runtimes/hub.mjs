// A hub behind the server of whatever runs this: Bun's or Deno's, by its fetch handler.
import { createHub } from '../../dist/index.js'

const hub = await createHub({ development: true })
const fetch = (request) => hub.fetch(request)
const say = (port) => console.log(`ready http://127.0.0.1:${port}`)
if (globalThis.Bun) say(Bun.serve({ port: 0, hostname: '127.0.0.1', idleTimeout: 60, fetch }).port)
else Deno.serve({ port: 0, hostname: '127.0.0.1', onListen: ({ port }) => say(port) }, fetch)
