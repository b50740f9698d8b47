import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { TidingsError } from '../errors.js'
import type { AnyHub } from '../index.js'
import { FrameJoiner } from './frame-joiner.js'
import { problemResponse } from './problem.js'
import { SocketOutlet } from './socket-outlet.js'

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
  const { handler, core } = hub.internals
  const { endOfTick } = core
  const outlets = { endOfTick, joiner: new FrameJoiner(), unsentBytes: core.settings.unsentBytes, takeSockets }

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
      if (!(await itsTurn(incoming, response))) return
      hub.internals.checkListener(incoming.socket.localAddress)
      const answer = await handler.handle(
        toRequest(incoming, response, path),
        (listener, headers) => new SocketOutlet(response, headers, listener, outlets),
      )
      if (answer) await send(answer, incoming, response)
    } catch (error) {
      if (response.headersSent || response.destroyed) return void response.destroy()
      await send(problemResponse(error, core.onError), incoming, response).catch(() => response.destroy())
    }
  }
}

function pathBelow(basePath: string, url: string): string | null {
  if (basePath === '') return url
  if (!url.startsWith(basePath)) return null
  const rest = url.slice(basePath.length)
  if (rest === '' || rest.startsWith('?')) return `/${rest}`
  return rest.startsWith('/') ? rest : null
}

/**
 * A response behind another on the same connection has no socket before its turn, and is told of no close: it waits for
 * either. False: the connection closed first.
 */
function itsTurn(incoming: IncomingMessage, response: ServerResponse): boolean | Promise<boolean> {
  if (response.socket) return true
  const { socket } = incoming
  if (socket.destroyed) return false
  return new Promise((resolve) => {
    const settle = (turn: boolean): void => {
      response.off('socket', begin)
      socket.off('close', stop)
      resolve(turn)
    }
    const begin = (): void => settle(true)
    const stop = (): void => settle(false)
    response.once('socket', begin)
    socket.once('close', stop)
  })
}

const hostShape = /^[A-Za-z0-9.:[\]_-]{1,255}$/

function toRequest(incoming: IncomingMessage, response: ServerResponse, path: string): Request {
  const host = incoming.headers.host ?? ''
  // Never mended: a name that is made into "localhost" here would pass for a loopback name (T5).
  if (host !== '' && !hostShape.test(host)) {
    throw new TidingsError('query_invalid', 'The Host header is malformed.', { field: 'Host' })
  }
  const headers = new Headers()
  const { rawHeaders } = incoming
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string
    if (!name.startsWith(':')) headers.append(name, rawHeaders[index + 1] as string)
  }
  const abort = new AbortController()
  response.on('close', () => {
    if (!response.writableFinished) abort.abort()
  })
  const method = incoming.method ?? 'GET'
  const hasBody = method !== 'GET' && method !== 'HEAD'
  let url: URL
  try {
    // Never `new URL(path, base)` alone: "//evil" would name another host.
    url = new URL(`http://${host === '' ? 'host.invalid' : host}${path.startsWith('/') ? path : `/${path}`}`)
  } catch (cause) {
    throw new TidingsError('query_invalid', 'The address of the request is malformed.', { field: 'url', cause })
  }
  return new Request(url, {
    method,
    headers,
    signal: abort.signal,
    ...(hasBody && { body: Readable.toWeb(incoming) as ReadableStream, duplex: 'half' as const }),
  })
}

async function send(answer: Response, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = Buffer.from(await answer.arrayBuffer())
  if (response.destroyed) return
  // A body that was refused half-way is not read to its end: the connection goes with it.
  if (!incoming.complete) response.setHeader('Connection', 'close')
  response.writeHead(answer.status, Object.fromEntries(answer.headers))
  response.end(answer.status === 204 ? undefined : body)
}
