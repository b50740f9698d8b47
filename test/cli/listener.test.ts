import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { readStream } from '../fixtures/stream.js'
import { run, serve, type Serving } from './program.js'

async function start(...flags: string[]): Promise<Serving & { readonly port: number }> {
  const serving = await serve(['--dev', '--port', '0', '--store', 'memory', '--log-level', 'warn', ...flags])
  onTestFinished(async () => void (await serving.program.kill()))
  return { ...serving, port: Number(new URL(serving.url).port) }
}

/** A raw connection: what it heard by the time it was closed, and after how long. */
function rawSocket(port: number): Socket & { heard: string; readonly over: Promise<number> } {
  const began = performance.now()
  const socket = connect(port, '127.0.0.1').setNoDelay()
  const raw = Object.assign(socket, {
    heard: '',
    over: once(socket, 'close').then(() => performance.now() - began),
  })
  socket.on('data', (bytes) => {
    raw.heard += bytes
  })
  socket.on('error', () => {})
  return raw
}

const quick = ['--headers-timeout-ms', '500', '--request-timeout-ms', '1500']

describe('tidings serve, T7', () => {
  test('T7: those who send nothing, or a byte now and then, are cut; who is served stays', async () => {
    const { url, port } = await start(...quick)
    const stream = await readStream(url, { topics: ['user:7'], as: { userId: '7' } })
    onTestFinished(() => stream.close())
    const silent = rawSocket(port)
    const slow = rawSocket(port)
    slow.write('GET /health HTTP/1.1\r\nHost: h\r\n')
    const drip = setInterval(() => slow.write('X-a: b\r\n'), 100)
    onTestFinished(() => clearInterval(drip))
    const body = rawSocket(port)
    body.write(
      'POST /events?userId=7 HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
    )
    const dripped = setInterval(() => body.write(' '), 100)
    onTestFinished(() => clearInterval(dripped))
    expect(await slow.over).toBeLessThan(30_000)
    expect(slow.heard).toMatch(/^HTTP\/1\.1 408 /)
    expect(slow.heard).toContain('"code":"request_timeout"')
    expect(await silent.over).toBeLessThan(30_000)
    expect(await body.over).toBeLessThan(30_000)
    await fetch(`${url}/events?userId=7`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"topic":"user:7","type":"n","data":1}',
    })
    expect((await stream.next()).data).toBe(1)
  })

  test('T7: sockets without a request are bounded: a thousand push out their own, and others are served', async () => {
    const { url, port, program } = await start('--waiting-sockets', '50')
    const stream = await readStream(url, { topics: ['user:7'], as: { userId: '7' } })
    onTestFinished(() => stream.close())
    const flood = Array.from({ length: 1_000 }, () => rawSocket(port))
    onTestFinished(() => flood.forEach((socket) => socket.destroy()))
    await Promise.all(flood.slice(0, 900).map(({ over }) => over))
    for (let n = 0; n < 5; n++) expect((await fetch(`${url}/health`)).status).toBe(200)
    expect(flood.filter(({ destroyed }) => !destroyed).length).toBeLessThanOrEqual(50)
    await program.until(({ errors }) => errors.includes('--waiting-sockets'))
    await fetch(`${url}/events?userId=7`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"topic":"user:7","type":"n","data":1}',
    })
    expect((await stream.next()).data).toBe(1)
  })

  test('T7: a head that is too large, and what is no HTTP, are answered with a problem and cut', async () => {
    const { port } = await start('--header-bytes', '2048')
    const large = rawSocket(port)
    large.write(`GET /health HTTP/1.1\r\nHost: h\r\n${'X-a: 0123456789\r\n'.repeat(1_000)}`)
    await large.over
    expect(large.heard).toMatch(/^HTTP\/1\.1 431 [^]*application\/problem\+json[^]*"code":"headers_too_large"/)
    const noise = rawSocket(port)
    noise.write('\u0000\u0001 hello\r\n\r\n')
    await noise.over
    expect(noise.heard).toMatch(/^HTTP\/1\.1 400 [^]*"code":"request_invalid"/)
  })

  test('scenario 7: without file descriptors left it goes on serving who is there, and takes others again after', async () => {
    const main = fileURLToPath(new URL('../../bin/tidings.js', import.meta.url))
    const child = spawn(
      '/bin/sh',
      ['-c', `ulimit -n 100; exec ${process.execPath} ${main} serve --dev --port 0 --store memory`],
      { env: { PATH: process.env.PATH }, stdio: ['ignore', 'pipe', 'ignore'] },
    )
    onTestFinished(() => void child.kill('SIGKILL'))
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
    const url = line.replace('tidings ready ', '')
    const stream = await readStream(url, { topics: ['user:7'], as: { userId: '7' } })
    onTestFinished(() => stream.close())
    const publisher = rawSocket(Number(new URL(url).port))
    await once(publisher, 'connect')
    const flood = Array.from({ length: 200 }, () => rawSocket(Number(new URL(url).port)))
    await Promise.all(flood.map((socket) => once(socket, 'connect')))
    const event = '{"topic":"user:7","type":"n","data":1}'
    publisher.write(
      `POST /events?userId=7 HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${event.length}\r\n\r\n${event}`,
    )
    expect((await stream.next()).data).toBe(1)
    for (const socket of flood) socket.destroy()
    await expect.poll(async () => (await fetch(`${url}/health`).catch(() => null))?.status).toBe(200)
    expect(child.exitCode).toBe(null)
    expect((await readStream(url, { topics: ['user:7'], as: { userId: '7' } })).response.status).toBe(200)
  })

  test('H10: limits are flags and variables, and what is wrong stops the start by name', async () => {
    const environment = { TIDINGS_MAX_CONNECTIONS: 'user=1,session=none', TIDINGS_TRUSTED_PROXIES: '127.0.0.0/8, ::1' }
    const flags = ['--dev', '--port', '0', '--store', 'memory', '--publish-rate', 'user=0.001/2']
    const { program, url } = await serve(flags, environment)
    onTestFinished(async () => void (await program.kill()))
    const stream = await readStream(url, { topics: ['user:7'], as: { userId: '7' } })
    onTestFinished(() => stream.close())
    const second = await fetch(`${url}/events?topic=user:7&userId=7`, { headers: { accept: 'application/json' } })
    expect([second.status, ((await second.json()) as { limit: string }).limit]).toEqual([429, 'connections.user'])
    const publish = async () => {
      const body = '{"topic":"user:7","type":"n"}'
      return (
        await fetch(`${url}/events?userId=7`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
      ).status
    }
    expect([await publish(), await publish(), await publish()]).toEqual([201, 201, 429])

    for (const [flag, value] of [
      ['--max-connections', 'user=x'],
      ['--max-connections', 'usr=1'],
      ['--publish-rate', 'total=1'],
      ['--publish-rate', 'user=5/0'],
      ['--trusted-proxies', '10.0.0.0/99'],
      ['--address-header', 'X Y'],
      ['--headers-timeout-ms', '60000'],
    ] as const) {
      const refused = await run(['serve', '--dev', '--port', '0', '--store', 'memory', flag, value])
      expect([flag, refused.code]).toEqual([flag, 2])
      expect(refused.errors).toMatch(new RegExp(`${flag}|trustedProxies|addressHeader`))
    }
  })
})
