import { type ClientRequest, request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { systemClock } from '../../clock.js'
import { type Position, parseCursor } from '../../protocol/cursor.js'
import { problemType, mediaTypes } from '../../protocol/names.js'
import { createSseDecoder } from '../../protocol/sse-decode.js'
import { Once } from './once.js'

export interface BenchListener {
  /** An event that the bench published for the first time here, and when it was handed to the network. */
  received(stream: BenchStream, sentMs: number): void
  ended(stream: BenchStream): void
}

/** One reader on a connection of its own. */
export class BenchStream {
  /** Until `hello`; null before it. */
  connectMs: number | null = null
  /** Why it is not open. */
  failure: string | null = null
  readonly topic: string
  /** Events that came twice. */
  repeated = 0
  /** Events that came after one with a later place in the log. */
  disordered = 0
  readonly #once = new Once()
  #cursor: Position | null = null
  #request: ClientRequest | null = null
  #closing = false

  constructor(topic: string) {
    this.topic = topic
  }

  /** Resolves at `hello`, or with `failure` set. Never rejects. */
  open(address: string, headers: Readonly<Record<string, string>>, listener: BenchListener): Promise<void> {
    const beganMs = systemClock.monotonic()
    const ask = address.startsWith('https:') ? httpsRequest : httpRequest
    return new Promise((resolve) => {
      const fail = (why: string): void => {
        this.failure ??= why
        resolve()
      }
      const request = ask(address, {
        agent: false,
        headers: { ...headers, Accept: `${mediaTypes.stream}, ${problemType}` },
      })
      this.#request = request
      const timer = systemClock.setTimer(() => request.destroy(new Error('no hello within 30 s')), 30_000)
      request.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message))
      request.on('response', (response) => {
        if (response.statusCode !== 200) {
          response.setEncoding('utf8').on('data', (text: string) => fail(reasonIn(text, response.statusCode)))
          response.on('end', () => fail(String(response.statusCode)))
          return
        }
        const decoder = createSseDecoder({
          onId: (id) => this.#at(id),
          onRetry: () => {},
          onMessage: ({ event, data }) => {
            if (event === 'hello') {
              this.connectMs = systemClock.monotonic() - beganMs
              timer.cancel()
              resolve()
            } else if (event === 'tidings.bench') this.#take(data, listener)
          },
        })
        response.on('data', (bytes: Buffer) => decoder.push(bytes))
        response.on('error', () => {})
        response.on('close', () => {
          fail('ended before hello')
          if (!this.#closing) listener.ended(this)
        })
      })
      request.end()
    })
  }

  close(): void {
    this.#closing = true
    this.#request?.destroy()
  }

  #at(id: string): void {
    const position = parseCursor(id)
    const before = this.#cursor
    if (position && before && position.epoch === before.epoch && position.seq < before.seq) this.disordered++
    else this.#cursor = position
  }

  #take(data: string, listener: BenchListener): void {
    const [, number, sentMs] = stamp.exec(data) ?? []
    if (number === undefined) return
    if (!this.#once.take(Number(number))) this.repeated++
    else listener.received(this, Number(sentMs))
  }
}

/** What the data of each event begins with: its number among those of its topic, and when it was sent. */
export const stampOf = (number: number, sentMs: number): object => ({ bench: number, sentMs })

/** Parsing the envelope would cost more than all the rest. */
const stamp = /"bench":(\d+),"sentMs":([\d.]+)/

/** `429 rate_limited (connections.user)`. */
function reasonIn(text: string, status = 0): string {
  try {
    const { code, limit } = JSON.parse(text) as { code?: string; limit?: string }
    return `${status} ${code ?? ''}${limit === undefined ? '' : ` (${limit})`}`
  } catch {
    return String(status)
  }
}
