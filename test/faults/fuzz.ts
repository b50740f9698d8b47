import { Agent, type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { expect, onTestFinished } from 'vitest'
import { isErrorCode } from '#src/errors.js'
import { readStream } from '../fixtures/stream.js'
import { seededRandom } from '#src/testing/seeded-random.js'
import { startHub } from '../fixtures/hub-process.js'
import { Dice, drawBytes, drawRequest, type FuzzRequest } from './fuzz-requests.js'

export interface FuzzResult {
  readonly requests: number
  readonly sockets: number
  /** How many answers of each status. */
  readonly statuses: Readonly<Record<string, number>>
  /** What was wrong with an answer, and the request that it was to; none where all is well. */
  readonly wrong: readonly string[]
  readonly heapGrewBytes: number
  readonly seconds: number
}

/** Sends `count` requests, drawn from `seed`, to a real hub in a process of its own; every tenth is raw bytes on a socket. */
export async function fuzz(count: number, seed: number): Promise<FuzzResult> {
  const hub = await startHub({
    limits: null,
    urlTokens: true,
    jwt: { secret: 'a secret that only this test knows, long enough' },
    store: { retention: { events: 50, bytes: 200_000 } },
  })
  onTestFinished(() => hub.kill())
  const agent = new Agent({ keepAlive: true, maxSockets: 8 })
  onTestFinished(() => agent.destroy())
  const dice = new Dice(seededRandom(seed))
  const wrong: string[] = []
  const statuses: Record<string, number> = {}
  const began = performance.now()

  // Somebody who has nothing to do with it.
  const bystander = await readStream(hub.url, { topics: ['user:bystander'], as: { userId: 'bystander' } })
  onTestFinished(() => bystander.close())
  let published = 0
  const publish = async (): Promise<void> => {
    const response = await fetch(`${hub.url}/events?userId=bystander`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ topic: 'user:bystander', type: 'n', data: published++ }),
    })
    expect(response.status).toBe(201)
    await response.arrayBuffer()
  }

  let sockets = 0
  let drawn = 0
  let warmHeap = 0
  const heap = async (): Promise<number> =>
    ((await hub.ask({ memory: true })) as { memory: { heapUsed: number } }).memory.heapUsed
  const worker = async (): Promise<void> => {
    while (drawn < count && wrong.length < 20) {
      const n = drawn++
      if (n % 100 === 0) await publish()
      if (n === Math.floor(count / 4)) warmHeap = await heap()
      if (n % 10 === 9) {
        sockets++
        await sendBytes(hub.port, drawBytes(dice), wrong)
        continue
      }
      const drawnRequest = drawRequest(dice)
      const { status, fault } = await send(hub.port, agent, drawnRequest)
      statuses[status] = (statuses[status] ?? 0) + 1
      if (fault) wrong.push(`${fault} ← ${shown(drawnRequest)}`)
    }
  }
  await Promise.all(Array.from({ length: 8 }, worker))
  await publish()

  const events = await bystander.until(({ data }) => data === published - 1)
  expect(events.map(({ data }) => data)).toEqual(Array.from({ length: published }, (_, index) => index))
  expect(bystander.controls.map(({ name }) => name)).not.toContain('bye')
  expect((await fetch(`${hub.url}/health`)).status).toBe(200)
  // Streams that were cut are gone when their sockets are.
  await new Promise((resolve) => setTimeout(resolve, 200))
  return {
    requests: drawn,
    sockets,
    statuses,
    wrong,
    heapGrewBytes: (await heap()) - warmHeap,
    seconds: (performance.now() - began) / 1_000,
  }
}

const shown = ({ method, path, headers, body }: FuzzRequest): string =>
  `${method} ${path} ${JSON.stringify(headers)} ${body?.slice(0, 300) ?? ''}`

async function send(
  port: number,
  agent: Agent,
  { method, path, headers, body }: FuzzRequest,
): Promise<{ status: number; fault: string | null }> {
  return await new Promise((resolve) => {
    const failed = (error: Error): void => resolve({ status: 0, fault: String(error) })
    const flat = headers.flatMap(([name, value]) => [name, value])
    const asked = request(
      {
        host: '127.0.0.1',
        port,
        agent,
        method,
        path,
        headers: [
          'Host',
          `127.0.0.1:${port}`,
          ...flat,
          ...(body === null ? [] : ['Content-Length', String(Buffer.byteLength(body))]),
        ] as never,
      },
      (answer) => {
        answer.on('error', () => {})
        read(answer, method).then((fault) => resolve({ status: answer.statusCode ?? 0, fault }), failed)
      },
    )
    asked.setTimeout(10_000, () => asked.destroy(new Error('No answer within 10 s.')))
    // A body that is refused half-way is not read to its end.
    asked.on('error', (error: NodeJS.ErrnoException) =>
      (error.code === 'EPIPE' || error.code === 'ECONNRESET') && (body?.length ?? 0) > 60_000
        ? resolve({ status: 413, fault: null })
        : failed(error),
    )
    asked.end(body ?? undefined)
  })
}

async function read(answer: IncomingMessage, method: string): Promise<string | null> {
  const { statusCode: status = 0, headers } = answer
  const type = String(headers['content-type'] ?? '').split(';')[0]
  if (type === 'text/event-stream') {
    const first = await new Promise<string>((resolve) => {
      answer.once('data', (bytes) => resolve(String(bytes)))
      answer.once('close', () => resolve(''))
    })
    answer.destroy()
    return status === 200 && (method === 'HEAD' || first.startsWith('retry: '))
      ? null
      : `${status} stream ${JSON.stringify(first.slice(0, 100))}`
  }
  const parts: Buffer[] = []
  for await (const part of answer) parts.push(part as Buffer)
  const bytes = Buffer.concat(parts)
  const coding = headers['content-encoding']
  const unpacked = coding === 'gzip' ? gunzipSync(bytes) : coding === 'br' ? brotliDecompressSync(bytes) : null
  const text = (unpacked ?? bytes).toString()
  return faultOf(status, type ?? '', text, method)
}

/** What is wrong with an answer. */
export function faultOf(status: number, type: string, text: string, method: string): string | null {
  if (method === 'HEAD' || status === 204) return text === '' ? null : `${status} with a body`
  let body: { status?: unknown; code?: unknown; detail?: unknown }
  try {
    body = JSON.parse(text)
  } catch {
    return `${status} ${type} is no JSON: ${text.slice(0, 100)}`
  }
  if (status === 503 && body && 'ready' in body) return null
  if (status < 400) return status >= 200 && status < 300 && type === 'application/json' ? null : `${status} ${type}`
  const isProblem = type === 'application/problem+json' && body.status === status && isErrorCode(body.code)
  return isProblem && status !== 500 && typeof body.detail === 'string' ? null : `${status} ${text.slice(0, 300)}`
}

/** Sends bytes as they are. Whatever they are, the answer is HTTP, or the end of the connection. */
async function sendBytes(port: number, bytes: Buffer, wrong: string[]): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  let heard = ''
  socket.on('error', () => {})
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => socket.destroy(), 40)
    socket.on('data', (data) => {
      heard += data
      if (heard.includes('\r\n\r\n')) setTimeout(() => socket.destroy(), 5)
    })
    socket.on('close', () => {
      clearTimeout(timer)
      resolve()
    })
    socket.end(bytes)
  })
  const [, status, head = '', body = ''] = /^HTTP\/1\.1 (\d{3}) ([^]*?)\r\n\r\n([^]*)$/.exec(heard) ?? []
  if (heard !== '' && status === undefined)
    wrong.push(
      `${JSON.stringify(heard.slice(0, 200))} ← bytes ${JSON.stringify(bytes.toString('latin1').slice(0, 300))}`,
    )
  const refused = Number(status) >= 400 && !/^content-type: application\/problem\+json/im.test(head)
  if (refused && !(status === '503' && body.includes('"ready"')))
    wrong.push(`${status} without a problem ← bytes ${JSON.stringify(bytes.toString('latin1').slice(0, 300))}`)
  if (status === '500')
    wrong.push(`500 ${body.slice(0, 200)} ← bytes ${JSON.stringify(bytes.toString('latin1').slice(0, 300))}`)
}
