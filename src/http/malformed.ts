import type { Duplex } from 'node:stream'
import { type ErrorCode, TidingsError } from '../errors.js'
import { problemAnswer } from './problem.js'

const known: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  HPE_HEADER_OVERFLOW: ['headers_too_large', 'The head of the request is too large.'],
  ERR_HTTP_REQUEST_TIMEOUT: ['request_timeout', 'The request was not there in time.'],
}

/**
 * Answers what Node's parser refuses, as everything else is answered; for `server.on('clientError', answerMalformed)`. What
 * comes on that connection after it could be anything, so it is closed.
 */
export function answerMalformed(error: Error & { code?: string }, socket: Duplex): void {
  // Also where a response is under way: it would be taken for a part of that.
  const { _httpMessage: answering } = socket as { _httpMessage?: { headersSent: boolean } | null }
  if (error.code === 'ECONNRESET' || !socket.writable || answering?.headersSent) return void socket.destroy()
  const [code, message] = known[error.code ?? ''] ?? ['request_invalid', 'What was sent is no request of HTTP/1.1.']
  const { status, headers, body } = problemAnswer(new TidingsError(code, message), () => {})
  const text = body ?? ''
  const fields = { ...headers, 'Content-Length': String(Buffer.byteLength(text)), Connection: 'close' }
  const head = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${status} ${reasons[status] ?? 'Bad Request'}\r\n${head.join('')}\r\n${text}`)
}

const reasons: Readonly<Record<number, string>> = { 408: 'Request Timeout', 431: 'Request Header Fields Too Large' }
