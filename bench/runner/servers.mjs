import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SignJWT } from 'jose'
import { Program } from './program.mjs'

const here = (name) => new URL(`../servers/${name}.mjs`, import.meta.url).pathname
const token = await new SignJWT({ sub: 'bench', tidings: { subscribe: ['*'], publish: ['*'] } })
  .setProtectedHeader({ alg: 'HS256' })
  .setExpirationTime('2h')
  .sign(new TextEncoder().encode('a secret for benchmarks, 32 bytes'))

const node = (name, args = [], nodeArgs = []) => ({
  roles: ['fan'],
  start: (core) => new Program(core, process.execPath, ['--max-semi-space-size=16', ...nodeArgs, here(name), ...args]),
  path: '/events?topic=t:%d',
  headers: [],
  body: '{"number":0}',
})

/**
 * What is compared. `mode` and `path` tell the load client how to read from it; a scenario takes the servers that have its
 * role. `isPeer`: takes part in the scenarios that compare with peers.
 */
export function serverTable({ limitBinary, profileFolder }) {
  const profiling = profileFolder ? ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`] : []
  const folder = mkdtempSync(join(tmpdir(), 'tidings-bench-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  const hub = {
    headers: [`Authorization: Bearer ${token}`],
    body: '{"topic":"t:0","type":"tick","data":{"mark":"@@0:1@@","padding":"x"}}',
  }
  let files = 0
  const onFile = (name, args = []) => ({
    ...node(name),
    start: (core) => node(name, [...args, join(folder, `${++files}.db`)]).start(core),
  })
  const peer = { isPeer: true }
  const table = {
    'the limit (C)': { ...node('x'), start: (core) => new Program(core, limitBinary, []) },
    'bare Node': node('bare'),
    tidings: { ...node('tidings', [], profiling), ...hub, roles: ['fan', 'hub', 'log'] },
    'tidings, 100,000 topics': { ...node('tidings', ['--fill', '100000'], profiling), ...hub, roles: ['log'] },
    'rows in SQLite': { ...onFile('sqlite-rows'), roles: ['durable'] },
    'tidings on SQLite': { ...onFile('tidings', ['--sqlite']), ...hub, roles: ['durable'] },
    'res.write(string)': { ...node('bare', ['--string']), ...peer },
    'better-sse': { ...node('better-sse'), ...peer },
    '@fastify/sse': { ...node('fastify-sse'), ...peer },
    'Hono streamSSE': { ...node('hono'), ...peer },
    'socket.io': {
      ...node('socket-io'),
      ...peer,
      mode: 'socket.io',
      path: '/socket.io/?EIO=4&transport=websocket&topic=t:%d',
      body: '',
    },
  }
  if (existsSync('/usr/lib/nginx/modules/ngx_nchan_module.so')) {
    table['nchan (nginx)'] = {
      ...node('x'),
      ...peer,
      start: (core) => startNchan(core, folder),
      path: '/events/t:%d',
      body: '',
    }
  }
  return table
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** nginx with nchan; a small program beside it publishes over HTTP, because nchan has no other way in. */
async function startNchan(core, folder) {
  const port = await freePort()
  const config = join(folder, 'nginx.conf')
  writeFileSync(
    config,
    `load_module /usr/lib/nginx/modules/ngx_nchan_module.so;
daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/error.log warn;
worker_rlimit_nofile 20000;
events { worker_connections 19000; }
http {
  access_log off; client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  server {
    listen 127.0.0.1:${port} backlog=65535; keepalive_requests 10000000;
    location ~ ^/events/(.+)$ { nchan_subscriber eventsource; nchan_channel_id $1; nchan_subscriber_first_message newest; }
    location ~ ^/publish/(.+)$ { nchan_publisher; nchan_channel_id $1; nchan_message_buffer_length 100; }
  }
}
`,
  )
  const nginx = new Program(core, '/usr/sbin/nginx', ['-c', config, '-p', folder])
  const publisher = new Program(1, process.execPath, [here('nchan-publisher'), String(port), String(nginx.pid)])
  const end = nginx.end.bind(nginx)
  return {
    pid: nginx.pid,
    line: () => publisher.line(),
    say: (command) => publisher.say(command),
    ask: (command) => publisher.ask(command),
    async end() {
      await publisher.end()
      process.kill(nginx.pid, 'SIGTERM')
      await end()
    },
  }
}
