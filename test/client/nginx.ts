import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'
import { createClient } from '#src/client/index.js'
import { toNodeHandler } from '#src/http/node.js'
import { createHub } from '#src/index.js'
import { scaledClock } from './scaled-clock.js'

const program = '/usr/sbin/nginx'
/** With `CI=true` a missing program is a failure. */
export const skipped = !existsSync(program) && process.env.CI !== 'true'

/**
 * An nginx before the port, whose buffering can be switched. It pays no heed to what the hub asks for, and asks the hub by
 * HTTP/1.0, its default: so it holds back even the headers.
 */
class Nginx {
  readonly #folder: string
  readonly #upstream: number
  readonly port: number
  #process: ChildProcess | undefined

  private constructor(folder: string, upstream: number, port: number) {
    this.#folder = folder
    this.#upstream = upstream
    this.port = port
  }

  static async start(upstream: number): Promise<Nginx> {
    const folder = await mkdtemp(join(tmpdir(), 'tidings-nginx-'))
    const nginx = new Nginx(folder, upstream, await freePort())
    await nginx.#configure(false)
    nginx.#process = spawn(program, [...nginx.#args, '-g', 'daemon off;'], { stdio: 'ignore' })
    onTestFinished(() => nginx.#stop())
    for (;;) {
      const answer = await fetch(`http://127.0.0.1:${nginx.port}/tidings/health`).catch(() => null)
      if (answer?.ok) return nginx
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  /** Takes effect for new connections at once; those that are open are cut soon, as a deploy of a proxy does. */
  async buffer(on: boolean): Promise<void> {
    await this.#configure(on)
    await promisify(execFile)(program, [...this.#args, '-s', 'reload'])
  }

  get #args(): string[] {
    return ['-p', this.#folder, '-c', join(this.#folder, 'nginx.conf'), '-e', join(this.#folder, 'error.log')]
  }

  async #configure(buffering: boolean): Promise<void> {
    const { port } = this
    await writeFile(
      join(this.#folder, 'nginx.conf'),
      `pid ${this.#folder}/nginx.pid;
worker_processes 1;
worker_shutdown_timeout 100ms;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path ${this.#folder}/body;
  proxy_temp_path ${this.#folder}/proxy;
  fastcgi_temp_path ${this.#folder}/fastcgi;
  uwsgi_temp_path ${this.#folder}/uwsgi;
  scgi_temp_path ${this.#folder}/scgi;
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://127.0.0.1:${this.#upstream};
      proxy_ignore_headers X-Accel-Buffering;
      proxy_buffering ${buffering ? 'on' : 'off'};
    }
  }
}
`,
    )
  }

  async #stop(): Promise<void> {
    if (this.#process?.exitCode === null) {
      const gone = once(this.#process, 'exit')
      this.#process.kill('SIGTERM')
      await gone
    }
    await rm(this.#folder, { recursive: true })
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Time passes this much faster for hub and client. */
const factor = 20

/**
 * A client of a hub behind an nginx that begins and stops to hold streams back, so often. Gives what the client got, what
 * was published, and how long it took each time to notice (ms of the protocol's time).
 */
export async function switchBuffering(rounds: number) {
  const clock = scaledClock(factor)
  const hub = await createHub({ development: true, clock })
  const server: Server = createServer(toNodeHandler(hub, { basePath: '/tidings' })).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    await hub.close({ drainMs: 0 })
    server.closeAllConnections()
    server.close()
  })
  const nginx = await Nginx.start((server.address() as AddressInfo).port)
  const client = createClient({
    url: `http://127.0.0.1:${nginx.port}/tidings`,
    fetch: (input, init) => fetch(`${String(input)}${String(input).includes('?') ? '&' : '?'}userId=7`, init),
    clock,
  })
  onTestFinished(() => client.close())
  const got: unknown[] = []
  const gaps: unknown[] = []
  const errors: string[] = []
  client.onError((error) => errors.push(`${error.kind}: ${error.message}`))
  client.subscribe('user:7', { n: ({ data }) => got.push(data) }, { onGap: (gap) => gaps.push(gap) })

  const reaches = (status: string): Promise<number> => {
    const begun = clock.monotonic()
    return new Promise((resolve) => {
      const look = (): void => {
        if (client.status.getSnapshot().status !== status) return
        undo()
        resolve(clock.monotonic() - begun)
      }
      const undo = client.status.subscribe(() => queueMicrotask(look))
      queueMicrotask(look)
    })
  }
  await reaches('connected')
  let published = 0
  let going = true
  const flow = (async () => {
    while (going) {
      await hub.publish({ topic: 'user:7', type: 'n', data: published++ })
      // So few that they do not fill the buffers of the proxy, which would let them go.
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  })()
  const noticedMs: number[] = []
  const returnedMs: number[] = []
  for (let round = 0; round < rounds; round++) {
    await nginx.buffer(true)
    noticedMs.push(await reaches('polling'))
    await nginx.buffer(false)
    returnedMs.push(await reaches('connected'))
    // Long enough to count as stable, so that the next return is not put off.
    await new Promise((resolve) => setTimeout(resolve, 12_000 / factor))
  }
  going = false
  await flow
  while (got.length < published) await new Promise((resolve) => setTimeout(resolve, 10))
  return { got, published, gaps, errors, noticedMs, returnedMs, failures: client.status.getSnapshot().failures }
}
