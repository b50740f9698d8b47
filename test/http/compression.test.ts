import { get, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { brotliDecompressSync, constants, createGunzip, gunzipSync } from 'node:zlib'
import { describe, expect, onTestFinished, test } from 'vitest'
import { chooseEncoding } from '#src/http/encoding.js'
import { memoryStore } from '#src/store/memory.js'
import { headersOf, root, startHub } from './server.js'

interface Raw {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** As it comes over the wire, not unpacked. */
const ask = (url: string, path: string, headers: Record<string, string>): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const asked = get(url + path, { headers: { ...headersOf(root), ...headers } }, resolve)
    asked.on('error', reject)
    onTestFinished(() => void asked.destroy())
  })

async function whole(url: string, path: string, headers: Record<string, string>): Promise<Raw> {
  const answer = await ask(url, path, headers)
  const parts: Buffer[] = []
  for await (const part of answer) parts.push(part as Buffer)
  return { status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(parts) }
}

async function hubWithEvents(count: number) {
  const hub = await startHub({ allowedOrigins: ['https://app.test'] })
  if (count > 0)
    await hub.publish(Array.from({ length: count }, (_, n) => ({ topic: 'a', type: 'note', data: `event ${n}` })))
  return hub
}
const accept = 'application/json'

describe('[P15.7] JSON over 1 KiB', () => {
  test('[P15.7] comes as the reader takes it, and says that it could have come otherwise', async () => {
    const hub = await hubWithEvents(50)
    const poll = (encoding?: string) =>
      whole(hub.url, '/events?topic=a&since=start', {
        accept,
        ...(encoding !== undefined && { 'accept-encoding': encoding }),
      })
    const plain = await poll()
    expect(plain.headers['content-encoding']).toBe(undefined)
    expect(plain.headers.vary).toBe('Origin, Accept-Encoding')
    const gzip = await poll('gzip')
    expect(gzip.headers).toMatchObject({
      'content-encoding': 'gzip',
      vary: 'Origin, Accept-Encoding',
      'content-type': accept,
    })
    expect(Number(gzip.headers['content-length'])).toBe(gzip.body.length)
    expect(gunzipSync(gzip.body).equals(plain.body)).toBe(true)
    expect(gzip.body.length).toBeLessThan(plain.body.length / 5)
    const br = await poll('gzip, deflate, br, zstd')
    expect(br.headers['content-encoding']).toBe('br')
    expect(brotliDecompressSync(br.body).equals(plain.body)).toBe(true)
    for (const refused of ['identity', 'gzip;q=0, br;q=0', 'zstd', 'gzip;q=x', ''])
      expect([refused, (await poll(refused)).headers['content-encoding']]).toEqual([refused, undefined])
  })

  test('[P15.7] what is shorter stays as it is', async () => {
    const hub = await hubWithEvents(1)
    const short = await whole(hub.url, '/events?topic=a&since=start', { accept, 'accept-encoding': 'gzip, br' })
    expect([short.headers['content-encoding'], short.headers.vary]).toEqual([undefined, 'Origin'])
    expect(JSON.parse(short.body.toString()).events).toHaveLength(1)
  })

  test('[P15.7] through hub.fetch as well', async () => {
    const { hub } = await hubWithEvents(50)
    const request = (encoding: string) =>
      new Request('http://hub.test/events?topic=a&since=start', {
        headers: { ...headersOf(root), accept, 'accept-encoding': encoding },
      })
    const answer = await hub.fetch(request('gzip, br'))
    expect(answer.headers.get('content-encoding')).toBe('gzip')
    const text = gunzipSync(Buffer.from(await answer.arrayBuffer())).toString()
    expect(text).toBe(await (await hub.fetch(request('identity'))).text())
  })

  test.each([
    [undefined, null],
    ['*', 'br'],
    ['*;q=0', null],
    ['gzip;q=0.5, br;q=0.1', 'gzip'],
    ['br;q=0, *', 'gzip'],
    ['GZIP', 'gzip'],
    ['identity, gzip;q=0.5', null],
    ['identity;q=0.5, gzip', 'gzip'],
    [';;;,,q=1', null],
  ])('Accept-Encoding %j → %j', (header, encoding) => {
    expect(chooseEncoding(header, ['br', 'gzip'])).toBe(encoding)
  })
})

describe('streams', () => {
  test('[P15.7] a stream is not compressed unless the hub is set to', async () => {
    const hub = await hubWithEvents(0)
    const stream = await ask(hub.url, '/events?topic=a', { 'accept-encoding': 'gzip, br' })
    expect([stream.headers['content-encoding'], stream.headers['content-type']]).toEqual([
      undefined,
      'text/event-stream; charset=utf-8',
    ])
  })

  test('[P15.8] a compressed stream gives each event at once, whole, to its end', async () => {
    const hub = await startHub({ compress: true, maxAgeMs: 60_000 })
    const stream = await ask(hub.url, '/events?topic=a', { 'accept-encoding': 'gzip, br' })
    expect(stream.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'Accept-Encoding' })
    const gunzip = createGunzip({ flush: constants.Z_SYNC_FLUSH })
    let text = ''
    let woken = (): void => {}
    stream.pipe(gunzip).on('data', (bytes) => {
      text += bytes
      woken()
    })
    const until = async (wanted: string): Promise<void> => {
      while (!text.includes(wanted)) await new Promise<void>((resolve) => void (woken = resolve))
    }
    await until('event: hello')
    for (let n = 0; n < 20; n++) {
      await hub.publish({ topic: 'a', type: 'note', data: `event ${n}` })
      await until(`"data":"event ${n}"`)
    }
    const sent = stream.socket.bytesRead
    expect(sent).toBeLessThan(text.length)
    // One that does not take it gets it plain.
    const plain = await ask(hub.url, '/events?topic=a', {})
    expect(plain.headers['content-encoding']).toBe(undefined)
    const closing = hub.hub.close({ drainMs: 2_000 })
    await until('event: bye')
    await closing
    expect(hub.hub.stats().connections).toBe(0)
  })

  test('D6: a compressed stream that nobody reads is a position too, and catches up', async () => {
    const hub = await startHub({ compress: true, store: memoryStore({ retention: { bytes: 50_000_000 } }) })
    const stream = await ask(hub.url, '/events?topic=a', { 'accept-encoding': 'gzip' })
    stream.pause()
    // What does not compress, so that it fills the way.
    const noise = (): string => Buffer.from(crypto.getRandomValues(new Uint8Array(30_000))).toString('base64')
    for (let n = 0; n < 300; n++) await hub.publish({ topic: 'a', type: 'note', data: { n, noise: noise() } })
    const gunzip = createGunzip({ flush: constants.Z_SYNC_FLUSH })
    const seen: number[] = []
    let text = ''
    stream.pipe(gunzip)
    for await (const bytes of gunzip) {
      text += bytes
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const data = /^data: (\{"id".*)$/m.exec(text.slice(0, end))?.[1]
        if (data) seen.push((JSON.parse(data) as { data: { n: number } }).data.n)
        text = text.slice(end + 2)
      }
      if (seen.length === 300) break
    }
    expect(seen).toEqual(Array.from({ length: 300 }, (_, n) => n))
  })
})
