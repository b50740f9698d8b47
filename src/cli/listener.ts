import { type RequestListener, type Server, type ServerResponse, createServer } from 'node:http'
import type { Socket } from 'node:net'
import { answerMalformed } from '../http/malformed.js'
import { refusal } from './refusal.js'
import { type ValuesOf, fallbacksOf, whole } from './setting.js'

/** How the listener treats those who have not asked for anything yet, or only slowly. */
export const listenerSettings = {
  headersTimeoutMs: whole('--headers-timeout-ms <ms>', 'a request whose head is not there by then is cut', {
    fallback: 10_000,
  }),
  requestTimeoutMs: whole('--request-timeout-ms <ms>', 'the same for the whole request', { fallback: 30_000 }),
  // nginx and most load balancers give up theirs after 60 s: whoever closes first must not be the one who is sent a request.
  keepAliveMs: whole('--keep-alive-ms <ms>', 'a connection is kept for its next request; longer than proxies keep it', {
    fallback: 65_000,
  }),
  headerBytes: whole('--header-bytes <bytes>', 'largest head of a request', { fallback: 16 * 1024, least: 1_024 }),
  waitingSockets: whole(
    '--waiting-sockets <number>',
    'most connections without a request; beyond, the one that waits for longest is cut',
    { fallback: 2_000 },
  ),
} as const

export type ListenerPlan = { readonly [Name in keyof typeof listenerSettings]: number }

export function planListener(values: ValuesOf<typeof listenerSettings>): ListenerPlan {
  const given = Object.entries(values).filter(([name, value]) => name in listenerSettings && value !== undefined)
  const plan: ListenerPlan = { ...fallbacksOf(listenerSettings), ...Object.fromEntries(given) }
  if (plan.headersTimeoutMs > plan.requestTimeoutMs)
    throw refusal('--headers-timeout-ms', '--headers-timeout-ms must not be longer than --request-timeout-ms.')
  return plan
}

/** Before this the operating system answers for us; it makes less of it where it allows less (somaxconn). */
export const backlog = 65_535

/** A server that does not wait for ever for those who send nothing, or one byte at a time (T7). */
export function makeListener(plan: ListenerPlan, listener: RequestListener, cut: (socket: Socket) => void): Server {
  const server = createServer(
    {
      headersTimeout: plan.headersTimeoutMs,
      requestTimeout: plan.requestTimeoutMs,
      keepAliveTimeout: plan.keepAliveMs,
      maxHeaderSize: plan.headerBytes,
      connectionsCheckingInterval: Math.max(100, Math.min(2_500, Math.floor(plan.headersTimeoutMs / 4))),
      noDelay: true,
      // The hub refuses it itself, in words.
      requireHostHeader: false,
    },
    listener,
  )
  server.on('clientError', answerMalformed)
  // What is expected of us is left aside (RFC 9110 § 10.1.1); Node would answer 417 and nothing else.
  server.on('checkExpectation', listener)
  boundWaiting(server, plan.waitingSockets, cut)
  return server
}

/**
 * Sockets that have sent no request hold a file descriptor each, and nothing else limits them. A flood pushes out its own:
 * the one that waits for longest goes first, and whoever means it asks within milliseconds.
 */
function boundWaiting(server: Server, most: number, cut: (socket: Socket) => void): void {
  const waiting = new Set<Socket>()
  const add = (socket: Socket): void => {
    waiting.add(socket)
    if (waiting.size <= most) return
    const [oldest] = waiting as unknown as [Socket]
    waiting.delete(oldest)
    oldest.destroy()
    cut(oldest)
  }
  // One function for all of them: a stream stays for hours.
  function closed(this: Socket): void {
    waiting.delete(this)
  }
  function answered(this: ServerResponse): void {
    const { socket } = this.req
    if (!socket.destroyed) add(socket)
  }
  server.on('connection', (socket) => {
    socket.on('close', closed)
    add(socket)
  })
  server.on('request', (request, response) => {
    waiting.delete(request.socket)
    response.on('close', answered)
  })
}
