import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { EventSource as EventSourcePackage } from 'eventsource'
import fc from 'fast-check'
import { type Browser, chromium } from 'playwright-core'
import { EventSource as UndiciEventSource } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkPublishType, decodeEnvelope, encodeBody, encodeEnvelope } from '#src/protocol/event.js'
import { encodeSse } from '#src/protocol/sse-encode.js'
import { anyText, asLines, awkward, oneLine } from './wire.js'

/** Strings as they are published: the awkward ones, random ones from a fixed seed, and long ones. */
const texts = [
  ...awkward,
  awkward.join('|'),
  ...fc.sample(anyText, { numRuns: 150, seed: 1_207 }),
  'x'.repeat(64 * 1024),
  awkward
    .join('')
    .repeat(400)
    .slice(0, 64 * 1024),
]

/** Raw data lines, as a test of the stream alone. */
const raw = texts.map((data, at) => encodeSse({ id: `r.${at}`, event: 'raw', data }))

/** The same strings inside envelopes, in every member that holds a publisher's words. */
const envelopes = texts.map((text, at) => {
  const body = encodeBody({ source: text, data: { [text]: text }, metadata: { correlationId: text } })
  const data = encodeEnvelope({ id: text, type: 'envelope', seq: at, timestamp: 1, priority: 'normal', body }, [
    text,
    'b',
  ])
  return encodeSse({ id: `e.${at}`, event: 'envelope', data })
})

const isLegal = (type: string): boolean => {
  try {
    return checkPublishType(type) === type
  } catch {
    return false
  }
}

/** Legal types, as names of events. `error` and `open` are the listeners' own, so they are never types (P1.6). */
const types = [...new Set(fc.sample(oneLine, { numRuns: 80, seed: 9 }))].filter(isLegal)
const named = types.map((type, at) => encodeSse({ id: `n.${at}`, event: type, data: String(at) }))

const stream = [...raw, ...envelopes, ...named, encodeSse({ id: 'last', event: 'end', data: 'end' })].join('')

interface Received {
  readonly raw: readonly string[]
  readonly envelopes: readonly string[]
  readonly named: readonly (readonly [string, string])[]
  readonly stray: number
  readonly lastEventId: string
}

/**
 * Listens until `end`. It uses nothing but its arguments, because a browser runs it from its source. Everything is returned as
 * JSON text, whose escapes carry halves of surrogate pairs safely out of any browser.
 */
function listen(
  { url, types }: { url: string; types: readonly string[] },
  Listener: new (url: string) => EventSource,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const received = {
      raw: [] as string[],
      envelopes: [] as string[],
      named: [] as [string, string][],
      stray: 0,
      lastEventId: '',
    }
    const source = new Listener(url)
    const on = (type: string, listener: (event: MessageEvent<string>) => void): void =>
      source.addEventListener(type, listener as unknown as EventListener)
    on('raw', (event) => received.raw.push(event.data))
    on('envelope', (event) => received.envelopes.push(event.data))
    on('message', () => received.stray++)
    on('evil', () => received.stray++)
    for (const type of types) on(type, (event) => received.named.push([type, event.data]))
    on('end', (event) => {
      received.lastEventId = event.lastEventId
      source.close()
      resolve(JSON.stringify(received))
    })
    source.onerror = () => {
      if (source.readyState === 2) reject(new Error('closed'))
    }
  })
}

function check(json: string): void {
  const received = JSON.parse(json) as Received
  // Line ends become LF and halves of pairs U+FFFD on a bare stream; inside an envelope everything comes back as it was.
  expect(received.raw).toEqual(texts.map(asLines))
  expect(received.envelopes.map((data) => decodeEnvelope(data))).toEqual(
    texts.map((text, seq) => ({
      id: text,
      type: 'envelope',
      topic: text,
      topics: [text, 'b'],
      seq,
      timestamp: 1,
      priority: 'normal',
      source: text,
      version: 1,
      data: { [text]: text },
      metadata: { correlationId: text },
    })),
  )
  expect(received.named).toEqual(types.map((type, at) => [type, String(at)]))
  expect(received.stray).toBe(0)
  expect(received.lastEventId).toBe('last')
}

let server: Server
let url = ''
beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.url === '/')
      return void response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>listener</title>')
    if (request.url !== '/stream') return void response.writeHead(404).end()
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
    const bytes = Buffer.from(stream)
    // Parts of a size that no character, line or event is a multiple of.
    for (let at = 0; at < bytes.length; at += 4_099) response.write(bytes.subarray(at, at + 4_099))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as { port: number }).port}`
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

describe('[P2.2, P5.7] what goes in comes out, and nothing is injected, in listeners that others wrote', () => {
  test('the eventsource package', async () => {
    check(
      await listen({ url: `${url}/stream`, types }, EventSourcePackage as unknown as new (url: string) => EventSource),
    )
  })

  test("undici's EventSource", async () => {
    check(
      await listen({ url: `${url}/stream`, types }, UndiciEventSource as unknown as new (url: string) => EventSource),
    )
  })

  const executablePath = '/usr/bin/chromium'
  test.skipIf(!existsSync(executablePath) && process.env.CI !== 'true')("Chromium's own EventSource", async () => {
    let browser: Browser | undefined
    try {
      browser = await chromium.launch({
        executablePath,
        args: [
          '--no-sandbox',
          '--disable-gpu',
          '--disable-background-networking',
          '--disable-component-update',
          '--disable-sync',
          '--no-first-run',
        ],
      })
      const page = await browser.newPage()
      await page.goto(url)
      // The types go in as escaped text for the same reason as what comes out.
      const argument = JSON.stringify({ url: `${url}/stream`, types }).replace(
        /[^\x20-\x7e]/g,
        (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
      )
      check(await page.evaluate(`(${listen.toString()})(JSON.parse(${JSON.stringify(argument)}), EventSource)`))
    } finally {
      await browser?.close()
    }
  })
})
