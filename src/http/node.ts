import type { IncomingMessage, ServerResponse } from 'node:http'
import { TidingsError } from '../errors.js'
import type { AnyHub } from '../entry/hub.js'
import type { Outlet } from '../hub/outlet.js'
import type { Answer } from './answer.js'
import type { Carrier } from './carrier.js'
import { Compressor, offered } from './compress.js'
import { chooseEncoding, encodedHeaders, isCompressible } from './encoding.js'
import { FrameRuns } from './frame-run.js'
import { GzipOutlet } from './gzip-outlet.js'
import { itsTurn } from './its-turn.js'
import { NodeRequest } from './node-request.js'
import { problemAnswer } from './problem.js'
import { SocketOutlet } from './socket-outlet.js'
import { UnreadAnswers } from './unread-answers.js'

export { answerMalformed } from './malformed.js'

export interface NodeHandlerOptions {
  /** Where the hub is mounted, e.g. `/tidings`. Default: the root. */
  readonly basePath?: string
  /**
   * Lets Node's request and response objects go once a stream runs, which halves what an open stream costs. It uses private
   * parts of Node, behind a check; `false` keeps to the public ones. Default true.
   */
  readonly takeSockets?: boolean
}

/** Handles a request, or calls `next` for one that is outside the base path (404 without `next`). */
export type NodeHandler = (request: IncomingMessage, response: ServerResponse, next?: () => void) => void

/**
 * The hub for `node:http`: `createServer(toNodeHandler(hub, { basePath: '/tidings' }))`, or as a middleware. Streams take the
 * fast path, past the response object. Throws `option_invalid` on a base path that does not begin with `/`.
 */
export function toNodeHandler(hub: AnyHub, options: NodeHandlerOptions = {}): NodeHandler {
  const basePath = (options.basePath ?? '').replace(/\/+$/, '')
  if (basePath !== '' && !basePath.startsWith('/')) {
    throw new TidingsError('option_invalid', 'Option "basePath" must begin with "/".', { field: 'basePath' })
  }
  const { takeSockets = true } = options
  if (typeof takeSockets !== 'boolean') {
    throw new TidingsError('option_invalid', 'Option "takeSockets" must be true or false.', { field: 'takeSockets' })
  }
  const { handler, core, compresses } = hub.internals
  const { endOfTick, counters } = core
  const compressor = new Compressor()
  const unread = new UnreadAnswers(core)
  const outlets = {
    endOfTick,
    runs: new FrameRuns(),
    unsentBytes: core.settings.unsentBytes,
    counters,
    takeSockets,
  }

  const ways: Ways = {
    stream: (headers, incoming, response) =>
      compresses && chooseEncoding(encodingsOf(incoming), ['gzip'])
        ? new GzipOutlet(response, headers, outlets)
        : new SocketOutlet(response, headers, outlets),
    give,
  }

  return (incoming, response, next) => {
    const path = pathBelow(basePath, incoming.url ?? '/')
    if (path === null) {
      if (next) return next()
      response.writeHead(404).end()
      return
    }
    void respond(incoming, response, path)
  }

  async function respond(incoming: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    try {
      const turn = itsTurn(incoming, response)
      if (turn !== true && !(await turn)) return
      hub.internals.checkListener?.(incoming.socket.localAddress)
      const carrier = new NodeCarrier(ways, incoming, response)
      const answer = await handler.handle(new NodeRequest(incoming, response, path), carrier)
      if (answer) await give(answer, incoming, response)
    } catch (error) {
      failed(error, incoming, response)
    }
  }

  async function give(answer: Answer, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await sendCompressed(answer, compressor, incoming, response)
      unread.watch(response)
    } catch (error) {
      failed(error, incoming, response)
    }
  }

  function failed(error: unknown, incoming: IncomingMessage, response: ServerResponse): void {
    if (response.headersSent || response.destroyed) response.destroy()
    else send(problemAnswer(error, core.onError), incoming, response)
  }
}

/** How the answers of one handler leave. */
interface Ways {
  stream(headers: Answer['headers'], incoming: IncomingMessage, response: ServerResponse): Outlet
  give(answer: Answer, incoming: IncomingMessage, response: ServerResponse): Promise<void>
}

class NodeCarrier implements Carrier {
  readonly #ways: Ways
  readonly #incoming: IncomingMessage
  readonly #response: ServerResponse

  constructor(ways: Ways, incoming: IncomingMessage, response: ServerResponse) {
    this.#ways = ways
    this.#incoming = incoming
    this.#response = response
  }

  stream(headers: Answer['headers']): Outlet {
    return this.#ways.stream(headers, this.#incoming, this.#response)
  }

  answer(make: () => Answer): void {
    void this.#ways.give(make(), this.#incoming, this.#response)
  }
}

function pathBelow(basePath: string, url: string): string | null {
  if (basePath === '') return url
  if (!url.startsWith(basePath)) return null
  const rest = url.slice(basePath.length)
  if (rest === '' || rest.startsWith('?')) return `/${rest}`
  return rest.startsWith('/') ? rest : null
}

/** An answer, or one that was compressed. */
type Sent = Omit<Answer, 'body'> & { readonly body: string | Buffer | null }

const encodingsOf = ({ headers }: IncomingMessage): string | undefined => {
  const value = headers['accept-encoding']
  return Array.isArray(value) ? value.join(',') : value
}

function sendCompressed(
  answer: Answer,
  compressor: Compressor,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> | void {
  if (!isCompressible(answer)) return send(answer, incoming, response)
  const encoding = chooseEncoding(encodingsOf(incoming), offered)
  const headers = encodedHeaders(answer.headers, encoding)
  if (!encoding) return send({ ...answer, headers, body: compressor.plain(answer) }, incoming, response)
  return compressor.compress(answer, encoding).then((body) => send({ ...answer, headers, body }, incoming, response))
}

function send({ status, headers, body }: Sent, incoming: IncomingMessage, response: ServerResponse): void {
  if (response.destroyed) return
  // A body that was refused half-way is not read to its end: the connection goes with it.
  if (!incoming.complete) response.setHeader('Connection', 'close')
  if (body === null) return void response.writeHead(status, headers).end()
  response.writeHead(status, [...fieldsOf(headers), 'Content-Length', String(Buffer.byteLength(body))]).end(body)
}

/** Names and values in a row, to which the length is added: most answers have one of a few sets of headers. */
const fields = new WeakMap<Answer['headers'], string[]>()

function fieldsOf(headers: Answer['headers']): string[] {
  let all = fields.get(headers)
  if (!all) {
    all = Object.entries(headers).flat()
    fields.set(headers, all)
  }
  return all
}
