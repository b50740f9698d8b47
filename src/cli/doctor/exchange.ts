import { type IncomingHttpHeaders, type IncomingMessage, request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP } from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import type { Duplex } from 'node:stream'
import { createBrotliDecompress, createGunzip, constants } from 'node:zlib'
import { systemClock } from '../../clock.js'

/** How the examined hub is reached, the same for every request. */
export interface Line {
  readonly headers: Readonly<Record<string, string>>
  /** Takes certificates that nobody vouches for. */
  readonly insecure: boolean
}

export interface Asking {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: object
  /** No answer by then is a failure. Default 10,000. */
  readonly timeoutMs?: number
}

/** An answer whose body has not been read. Times are ms since it was asked for. */
export interface Opened {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly headersMs: number
  readonly message: IncomingMessage
  close(): void
}

export interface Answered extends Omit<Opened, 'message' | 'close'> {
  readonly text: string
  /** Null: no JSON. */
  readonly json: Record<string, unknown> | null
  readonly tookMs: number
}

/** Asks over a connection of its own, so that what is timed is not another request's. Rejects with the failure of the network. */
export function open(line: Line, address: string, asking: Asking = {}): Promise<Opened> {
  const { method = 'GET', headers = {}, body, timeoutMs = 10_000 } = asking
  const began = systemClock.monotonic()
  const text = body === undefined ? undefined : JSON.stringify(body)
  const url = new URL(address)
  const options = {
    method,
    agent: false,
    headers: {
      ...line.headers,
      ...(text !== undefined && { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) }),
      ...headers,
    },
  }
  return new Promise((resolve, reject) => {
    const request =
      url.protocol === 'https:'
        ? httpsRequest(url, { ...options, rejectUnauthorized: !line.insecure })
        : httpRequest(url, options)
    const timer = systemClock.setTimer(() => request.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
    request.on('error', (error) => {
      timer.cancel()
      reject(error)
    })
    request.on('response', (message) => {
      timer.cancel()
      resolve({
        status: message.statusCode ?? 0,
        headers: message.headers,
        headersMs: systemClock.monotonic() - began,
        message,
        close: () => request.destroy(),
      })
    })
    request.end(text)
  })
}

const longestText = 1024 * 1024

/** The same with its body, up to 1 MiB. */
export async function ask(line: Line, address: string, asking: Asking = {}): Promise<Answered> {
  const { timeoutMs = 10_000 } = asking
  const began = systemClock.monotonic()
  const { message, close, ...opened } = await open(line, address, asking)
  const timer = systemClock.setTimer(close, timeoutMs)
  let text = ''
  try {
    for await (const piece of message.setEncoding('utf8')) {
      text += String(piece)
      if (text.length > longestText) break
    }
  } catch {
    // What came says what there is to say.
  } finally {
    timer.cancel()
    close()
  }
  return { ...opened, text, json: objectIn(text), tookMs: systemClock.monotonic() - began }
}

function objectIn(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}

/** The body as it was before a proxy compressed it, as soon as it can be had. */
export function plainBody(message: IncomingMessage): NodeJS.ReadableStream {
  const encoding = message.headers['content-encoding']
  const decoder: Duplex | null =
    encoding === 'gzip'
      ? createGunzip({ flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH })
      : encoding === 'br'
        ? createBrotliDecompress()
        : null
  if (!decoder) return message
  message.on('error', (error) => decoder.destroy(error))
  message.on('aborted', () => decoder.end())
  return message.pipe(decoder)
}

/** What a TLS server would speak: `h2` or `http/1.1`. Null where it does not say. */
export function negotiated(url: URL, insecure: boolean): Promise<string | null> {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  return new Promise((resolve) => {
    const socket = tlsConnect({
      host,
      port: Number(url.port) || 443,
      // An address is no name (RFC 6066 § 3).
      ...(isIP(host) === 0 && { servername: host }),
      ALPNProtocols: ['h2', 'http/1.1'],
      rejectUnauthorized: !insecure,
      timeout: 5_000,
    })
    const end = (protocol: string | null): void => {
      socket.destroy()
      resolve(protocol)
    }
    socket.once('timeout', () => end(null))
    socket.once('error', () => end(null))
    socket.once('secureConnect', () => end(socket.alpnProtocol || null))
  })
}
