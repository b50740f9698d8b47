import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SignJWT } from 'jose'
import { startNchan } from './nchan.mjs'
import { Program } from './program.mjs'
import { startPushpin } from './pushpin.mjs'

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
 * What is compared. `mode`, `path` and `inFlight` (connects at a time, 100) tell the load client how to read from it; a
 * scenario takes the servers that have its role and don't leave it out. `isPeer`: takes part in the scenarios that compare
 * with peers.
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
    'bare Node': { ...node('bare'), roles: ['fan', 'polls'] },
    tidings: { ...node('tidings', [], profiling), ...hub, roles: ['fan', 'hub', 'log', 'polls'] },
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
  if (existsSync('/usr/bin/pushpin')) {
    table['pushpin'] = {
      ...node('x'),
      ...peer,
      start: (core) => startPushpin(core, folder),
      body: '',
      // On one core it ends streams after their headers ("received message out of sequence" in its log): one in twenty to a
      // hundred with 100 in flight, one in some hundreds with 4.
      inFlight: 4,
      // Four million deliveries: at 35 µs each that is more than the 90 s after which the load client counts.
      leavesOut: ['fan-1000-bursts'],
    }
  }
  return table
}
