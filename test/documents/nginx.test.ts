import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import { connect } from 'node:http2'
import { connect as dial, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { readStream, type StreamReader } from '../fixtures/stream.js'
import { serve, type Serving } from '../cli/program.js'
import { bearer } from '../fixtures/bearer.js'
import { freePorts } from '../fixtures/free-port.js'
import { hasNginx, Nginx } from '../fixtures/nginx.js'
import { plainThreeNodes, threeNodes } from '../fixtures/three-nodes.js'
import { blockOf, replaced } from './blocks.js'

const page = 'docs/guides/nginx.md'
const secret = 'a secret that only this test knows, long enough'
const cleanups: (() => unknown)[] = []
let headers: Record<string, string>

beforeAll(async () => {
  const token = await bearer(secret, '7', { subscribe: ['report:*'], publish: ['report:*'] })
  headers = { Authorization: `Bearer ${token}` }
})

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function hub(...flags: string[]): Promise<Serving & { port: string }> {
  const serving = await serve(['--port', '0', '--store', 'memory', ...flags], { TIDINGS_JWT_SECRET: secret })
  cleanups.push(() => serving.program.kill())
  return { ...serving, port: new URL(serving.url).port }
}

async function front(site: string, port: number): Promise<Nginx> {
  const nginx = new Nginx(site)
  cleanups.push(() => nginx.stop())
  await nginx.start(port)
  return nginx
}

async function stream(url: string, more: object = {}): Promise<StreamReader> {
  const reader = await readStream(url, { topics: ['report:9'], headers, timeoutMs: 30_000, ...more })
  cleanups.push(() => reader.close())
  return reader
}

const publish = (url: string, data: unknown = null): Promise<Response> =>
  fetch(`${url}/events`, {
    method: 'POST',
    headers: { ...headers, 'Content-Type': 'application/json' },
    body: JSON.stringify({ topic: 'report:9', type: 'report.updated', data }),
  })

function certify(nginx: Nginx): void {
  const files = ['-keyout', `${nginx.folder}/example.com.key`, '-out', `${nginx.folder}/example.com.crt`]
  const made = '-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=example.com'.split(' ')
  const { status, stderr } = spawnSync('openssl', ['req', ...made, ...files], { encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
}

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await wait(10)
}

/** A stream whose reader stopped reading, with more waiting for it than sockets hold. */
async function stalledStream({ url, port }: { url: string; port: string }): Promise<Socket> {
  const socket = dial(Number(port), '127.0.0.1')
  socket.write(`GET /events?topic=report:9 HTTP/1.1\r\nHost: hub\r\nAuthorization: ${headers.Authorization}\r\n\r\n`)
  await once(socket, 'data')
  socket.pause()
  const data = 'x'.repeat(60_000)
  for (let index = 0; index < 150; index++) await publish(url, data)
  return socket
}

describe.skipIf(!hasNginx)('docs/guides/nginx.md', () => {
  test('one hub below a path: streams come at once, polls are held, publishes pass', async () => {
    const { port } = await hub()
    const [listen] = (await freePorts(1)) as [number]
    const site = replaced(blockOf(page, 'one.conf'), {
      '127.0.0.1:4000': `127.0.0.1:${port}`,
      'listen 80': `listen ${listen}`,
    })
    const nginx = await front(site, listen)
    const url = `http://127.0.0.1:${listen}/tidings`
    const reader = await stream(url)
    const { cursor } = await reader.control('hello')
    const poll = fetch(`${url}/events?topic=report:9&since=${cursor}&wait=20`, {
      headers: { ...headers, Accept: 'application/json' },
    })
    expect((await publish(url, { rows: 120 })).status).toBe(201)
    expect(await reader.next()).toMatchObject({ type: 'report.updated', data: { rows: 120 } })
    expect(await (await poll).json()).toMatchObject({ events: [{ data: { rows: 120 } }], upToDate: true })

    // A reload leaves open streams alone, as the guide says.
    expect(blockOf(page, 'load')).toBe('nginx -t\nnginx -s reload\n')
    await nginx.reload()
    expect((await publish(url, { rows: 121 })).status).toBe(201)
    expect(await reader.next()).toMatchObject({ data: { rows: 121 } })
  })

  test('H1: buffering and compression are off for streams by their headers alone, also over HTTP/1.0', async () => {
    const { port } = await hub()
    const [listen] = (await freePorts(1)) as [number]
    const site = replaced(blockOf(page, 'one.conf'), {
      '127.0.0.1:4000': `127.0.0.1:${port}`,
      'listen 80': `listen ${listen}`,
      'proxy_http_version 1.1;': 'proxy_buffering on; gzip on; gzip_types text/event-stream; gzip_min_length 1;',
    })
    await front(site, listen)
    const reader = await stream(`http://127.0.0.1:${listen}/tidings`)
    await reader.control('hello')
    await publish(`http://127.0.0.1:${listen}/tidings`, { rows: 1 })
    expect(await reader.next()).toMatchObject({ data: { rows: 1 } })
  })

  test('three hubs: round robin without stickiness; a node that was killed or that drains is passed over', async () => {
    const nodes = await Promise.all([hub(), hub('--drain-ms', '60000'), hub()])
    const [listen] = (await freePorts(1)) as [number]
    const nginx = await front(
      plainThreeNodes(
        nodes.map(({ port }) => port),
        listen,
      ),
      listen,
    )
    const url = `http://127.0.0.1:${listen}/tidings`
    const upstreams = (): string[] =>
      nginx
        .log('tidings.log')
        .trim()
        .split('\n')
        .map((line) => line.split(' ').at(-1) as string)
    for (let index = 0; index < 6; index++) expect((await fetch(`${url}/ready`)).status).toBe(200)
    expect(blockOf(page, 'ready')).toContain('/ready')
    expect(new Set(upstreams()).size).toBe(3)

    await nodes[0]?.program.kill()
    // A reader that takes nothing while bytes wait keeps the second node from ending.
    const draining = nodes[1] as Serving & { port: string }
    const stalled = await stalledStream(draining)
    cleanups.push(() => stalled.destroy())
    void draining.program.kill('SIGTERM')
    await until(async () => (await fetch(`${draining.url}/ready`)).status === 503)
    for (let index = 0; index < 9; index++) {
      const reader = await stream(url)
      await reader.control('hello')
      expect((await publish(url)).status).toBe(201)
    }
    expect((await fetch(`${draining.url}/ready`)).status).toBe(503)
  })

  test('no query reaches a log, not even when no node listens', async () => {
    const closed = await freePorts(4)
    const listen = closed.pop() as number
    const nginx = await front(plainThreeNodes(closed, listen), listen)
    const { status } = await fetch(`http://127.0.0.1:${listen}/tidings/events?token=canary`)
    expect(status).toBe(502)
    expect(nginx.log('tidings.log')).toContain('"GET /tidings/events" 502')
    for (const log of ['tidings.log', 'tidings-error.log', 'error.log', 'access.log']) {
      expect(nginx.log(log)).not.toContain('canary')
    }
  })

  test('limits are answered in the words of the protocol, with a time to wait', async () => {
    const { port } = await hub()
    const [listen] = (await freePorts(1)) as [number]
    await front(
      plainThreeNodes([port, port, port], listen, {
        'burst=200 nodelay': 'burst=1 nodelay',
        'rate=50r/s': 'rate=1r/m',
      }),
      listen,
    )
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => fetch(`http://127.0.0.1:${listen}/tidings/ready`)),
    )
    const refused = answers.filter(({ status }) => status === 429)
    expect(refused).toHaveLength(3)
    expect(refused[0]?.headers.get('Retry-After')).toBe('2')
    expect(refused[0]?.headers.get('Content-Type')).toBe('application/problem+json')
    expect(await refused[0]?.json()).toMatchObject({ status: 429, code: 'rate_limited' })
  })

  test('A6: with --trusted-proxies the hub counts those whom nginx speaks for, without it nginx', async () => {
    expect(blockOf(page, 'proxies')).toContain(' --trusted-proxies ')
    // Streams stay open until the end of the test, so that they count.
    const statusFrom = async (localAddress: string, listen: number): Promise<number | undefined> => {
      const path = '/tidings/events?topic=report:9'
      const request = get({ host: '127.0.0.1', port: listen, path, headers, localAddress, agent: false })
      request.on('error', () => {})
      cleanups.push(() => request.destroy())
      const [response] = (await once(request, 'response')) as [IncomingMessage]
      return response.statusCode
    }
    const cases = [
      { flags: ['--trusted-proxies', '127.0.0.1'], others: 200 },
      { flags: [], others: 429 },
    ]
    for (const { flags, others } of cases) {
      const { port } = await hub('--max-connections', 'address=1', ...flags)
      const [listen] = (await freePorts(1)) as [number]
      await front(plainThreeNodes([port, port, port], listen), listen)
      expect(await statusFrom('127.0.0.2', listen)).toBe(200)
      expect(await statusFrom('127.0.0.2', listen)).toBe(429)
      expect(await statusFrom('127.0.0.3', listen)).toBe(others)
    }
  })

  test.skipIf(!existsSync('/usr/bin/openssl'))(
    'H6: HTTP/2 with TLS to browsers: many streams on one connection, each at once',
    async () => {
      const { port } = await hub()
      const [listen] = (await freePorts(1)) as [number]
      const nginx = new Nginx(threeNodes([port, port, port], listen))
      cleanups.push(() => nginx.stop())
      certify(nginx)
      await nginx.start(listen)
      const session = connect(`https://127.0.0.1:${listen}`, { rejectUnauthorized: false })
      cleanups.push(() => session.destroy())
      const heard = Array.from({ length: 10 }, () => {
        const request = session.request({
          ':path': '/tidings/events?topic=report:9',
          authorization: headers.Authorization,
        })
        request.setEncoding('utf8')
        let text = ''
        request.on('data', (part: string) => (text += part))
        return async (what: string): Promise<void> => {
          while (!text.includes(what)) await once(request, 'data')
        }
      })
      await Promise.all(heard.map((until) => until('event: hello')))
      await publish(`http://127.0.0.1:${port}`, { rows: 7 })
      await Promise.all(heard.map((until) => until('"rows":7')))
    },
  )
})
