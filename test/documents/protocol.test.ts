import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { createSseDecoder } from '#src/protocol/sse-decode.js'
import { checker } from '../http/description.js'
import { headersOf, root, startHub } from '../http/server.js'
import { blockOf, replaced } from './blocks.js'
import { complaintsOf } from './compile.js'

const page = 'PROTOCOL.md'
const sample = (name: string): any => JSON.parse(blockOf(page, name).replaceAll('…', 'x'))
const differs = checker()
const schema = (name: string) => ({ $ref: `#/components/schemas/${name}` })

test.each(['Event', 'Poll', 'Job', 'Problem'])('the sample of a %s is one, by the description of the API', (name) => {
  expect(differs(schema(name), sample(name))).toEqual([])
  const { [Object.keys(sample(name)).at(-1) as string]: _last, ...rest } = sample(name)
  expect(differs(schema(name), { ...rest, unheardOf: 1 })).not.toEqual([])
})

test('the sample of a refusal is what the hub says to that topic', async () => {
  const { publish } = await startHub()
  const { body } = await publish({ topic: 'user: 7', type: 'n' })
  const { detail, ...rest } = sample('Problem')
  expect(body).toMatchObject(rest)
  expect(body).toMatchObject({ detail: expect.stringContaining(detail.slice(0, detail.indexOf(' x'))) })
})

/** Sends a request as it stands on the page, by hand, and returns the answer as it comes, until it holds `end`. */
async function send(port: number, name: string, end: RegExp, replacements: Record<string, string> = {}) {
  const [head = '', body = ''] = replaced(blockOf(page, name), replacements).trimEnd().split('\n\n')
  const [line, ...headers] = head.split('\n')
  const own = Object.entries(headersOf(root)).map(([key, value]) => `${key}: ${value}`)
  const length = body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]
  const socket = connect(port, '127.0.0.1')
  socket.setEncoding('utf8')
  let heard = ''
  socket.on('data', (text) => (heard += text))
  socket.write([`${line} HTTP/1.1`, 'Host: localhost', ...headers, ...own, ...length, '', body].join('\r\n'))
  while (!end.test(heard)) await once(socket, 'data')
  socket.destroy()
  return heard
}

test('the requests of the page are answered as it says', async () => {
  const { port, publish } = await startHub()
  const { body } = await publish({ topic: 'report:9', type: 'report.updated', data: { rows: 120 } })
  expect(await send(port, 'publish', /"cursor"/)).toMatch(/^HTTP\/1.1 201 /)
  const stream = await send(port, 'stream', /event: report.updated\r?\n/)
  expect(stream).toMatch(/^HTTP\/1.1 200 [^]*event: hello/)
  const before = body.cursor.replace(/\d+$/, (seq) => String(Number(seq) - 1))
  const poll = await send(port, 'poll', /"upToDate":true/, { '4vJk….1206': before })
  expect(poll).toMatch(/"events":\[\{.*"data":\{"rows":120\}/)
})

test('the stream of the page decodes to what a hub sends: the same members in the same control events', async () => {
  const told: { event: string; value: Record<string, unknown>; id: string }[] = []
  let retryMs = 0
  const decoder = createSseDecoder({
    onMessage: ({ event, data, lastEventId }) =>
      void told.push({ event, value: JSON.parse(data) as Record<string, unknown>, id: lastEventId }),
    onId() {},
    onRetry: (ms) => (retryMs = ms),
  })
  decoder.push(new TextEncoder().encode(blockOf(page, 'stream-body').replaceAll('…', 'x')))
  expect(retryMs).toBe(4_711)
  expect(told.map(({ event }) => event)).toEqual(['hello', 'report.updated'])
  const [hello, event] = told as [(typeof told)[0], (typeof told)[0]]
  expect(hello.value.cursor).toBe(hello.id)
  expect(event.id.split('.').at(-1)).toBe(String(event.value.seq))
  expect(differs(schema('Event'), event.value)).toEqual([])

  const { stream } = await startHub()
  const real = await (await stream({ topics: ['report:9'] })).control('hello')
  expect(Object.keys(real).sort()).toEqual(Object.keys(hello.value).sort())
})

test('[P11.14] the shape of the figures on the page is the one that the code has', () => {
  const both = `import type { Stats } from '../../src/hub/figures/stats.js'
${blockOf(page, 'StatsAnswer')}
type Loose<Shape> = Shape extends readonly (infer Item)[]
  ? Loose<Item>[]
  : Shape extends object ? { -readonly [Name in keyof Shape]: Loose<Shape[Name]> } : Shape
export const one = (stats: Loose<Stats>): StatsAnswer => stats
export const names: Record<keyof Stats, true> = {} as Record<keyof StatsAnswer, true>
`
  expect(complaintsOf({ stats: both })).toEqual([])
  expect(complaintsOf({ stats: both.replace('streamBytes: number', 'streamBytes: string') })).not.toEqual([])
})
