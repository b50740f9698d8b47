import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Incoming } from '../auth/incoming.js'
import { TidingsError } from '../errors.js'

const hostShape = /^[A-Za-z0-9.:[\]_-]{1,255}$/

/** A request of node:http, read where it lies. */
export class NodeRequest implements Incoming {
  readonly method: string
  readonly path: string
  readonly remoteAddress: string | null
  readonly httpVersion: string
  readonly #incoming: IncomingMessage
  readonly #response: ServerResponse
  readonly #host: string
  readonly #url: string
  #query: URLSearchParams | null = null
  #address: URL | null = null

  /** `url` is what is left of the URL below the base path. Throws `query_invalid` on a malformed address or host. */
  constructor(incoming: IncomingMessage, response: ServerResponse, url: string) {
    this.method = incoming.method ?? 'GET'
    const { host, ':authority': authority } = incoming.headers
    if (host === undefined && incoming.httpVersion === '1.1')
      throw new TidingsError('query_invalid', 'A request of HTTP/1.1 needs a Host header.', { field: 'Host' })
    this.#host = host ?? String(authority ?? '')
    checkHost(this.#host)
    this.#url = url.startsWith('/') ? url : `/${url}`
    const end = this.#url.search(/[?#]/)
    this.path = end < 0 ? this.#url : this.#url.slice(0, end)
    this.remoteAddress = incoming.socket.remoteAddress ?? null
    this.httpVersion = incoming.httpVersion
    this.#incoming = incoming
    this.#response = response
  }

  /** Without the `URL` around it, which takes three times as long to make. */
  get query(): URLSearchParams {
    this.#query ??= new URLSearchParams(this.#url.slice(this.path.length).split('#', 1)[0])
    return this.#query
  }

  /** Made when somebody asks: for most requests nobody does. Never `new URL(path, base)`: "//evil" would name another host. */
  get address(): URL {
    this.#address ??= new URL(`http://${this.#host === '' ? 'host.invalid' : this.#host}${this.#url}`)
    return this.#address
  }

  get native(): IncomingMessage {
    return this.#incoming
  }

  /** From what was sent, not from `headers`: there Node keeps the first of two tokens and says nothing. */
  header(name: string): string | null {
    const wanted = name.toLowerCase()
    const { rawHeaders } = this.#incoming
    let value: string | null = null
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const sent = rawHeaders[index] as string
      if (sent.length !== wanted.length || sent.toLowerCase() !== wanted) continue
      const one = (rawHeaders[index + 1] as string).trim()
      value = value === null ? one : `${value}, ${one}`
    }
    return value
  }

  read(limit: number): Promise<Uint8Array | null> {
    const incoming = this.#incoming
    if (incoming.readableDidRead || incoming.readableEnded || incoming.destroyed) return readBefore(incoming, limit)
    return new Promise((resolve, reject) => {
      const parts: Buffer[] = []
      let size = 0
      incoming.on('data', (part: Buffer) => {
        size += part.length
        if (size <= limit) return void parts.push(part)
        // Left half-way, the socket stays: the refusal has to go out on it.
        incoming.pause()
        resolve(null)
      })
      incoming.on('end', () => resolve(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)))
      incoming.on('error', reject)
      // It follows every request, and an error is dear: one that nobody would hear is not made.
      incoming.on('close', () => {
        if (!incoming.readableEnded) reject(new Error('The connection closed.'))
      })
    })
  }

  whenGone(task: () => void): () => void {
    const response = this.#response
    const closed = (): void => {
      if (!response.writableFinished) task()
    }
    if (response.destroyed) task()
    else response.on('close', closed)
    return () => response.off('close', closed)
  }

  whole(): Request {
    const headers = new Headers()
    const { rawHeaders } = this.#incoming
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const name = rawHeaders[index] as string
      if (!name.startsWith(':')) headers.append(name, rawHeaders[index + 1] as string)
    }
    const gone = new AbortController()
    this.whenGone(() => gone.abort())
    return new Request(this.address, { method: this.method, headers, signal: gone.signal })
  }
}

/**
 * The body where it was read before the hub's turn, by `express.json()` and its like: nothing more comes from the request
 * itself, and no word that it has ended.
 */
async function readBefore(incoming: ReadBefore, limit: number): Promise<Uint8Array | null> {
  const { rawBody, body } = incoming
  const left = rawBody ?? body
  if (left === undefined || left === null) {
    if (incoming.readableEnded && !hasBody(incoming)) return new Uint8Array(0)
    if (incoming.destroyed && !incoming.readableEnded) throw new Error('The connection closed.')
    throw new TidingsError(
      'internal',
      'Something before the hub read the body of the request and left nothing in "body" or "rawBody". Mount the hub before it.',
      { field: 'body' },
    )
  }
  const bytes =
    left instanceof Uint8Array ? left : Buffer.from(typeof left === 'string' ? left : (JSON.stringify(left) ?? ''))
  return bytes.length > limit ? null : bytes
}

/** What body parsers leave: `rawBody` as it was sent, `body` parsed, or as it was sent. */
type ReadBefore = IncomingMessage & { readonly rawBody?: unknown; readonly body?: unknown }

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0

/** Nearly all requests name the same host, which was found to be well-formed before. */
let lastHost = ''

/** With a host that a URL takes no path can make it malformed. */
function checkHost(host: string): void {
  if (host === lastHost || host === '') return
  // Never mended: a name that is made into "localhost" here would pass for a loopback name (T5).
  if (!hostShape.test(host)) throw new TidingsError('query_invalid', 'The Host header is malformed.', { field: 'Host' })
  if (!URL.canParse(`http://${host}/`))
    throw new TidingsError('query_invalid', 'The address of the request is malformed.', { field: 'url' })
  lastHost = host
}
