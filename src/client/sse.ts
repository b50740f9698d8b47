import { eventsPath, lastEventIdHeader, type Problem, problemType, streamType } from '../protocol/names.js'
import { SseDecoder } from '../protocol/sse-decode.js'
import { clampRetryAfterMs, parseRetryAfter } from './backoff.js'
import { ClientError, type ErrorKind } from './error.js'
import type { Failed, Stream, StreamNews } from './state.js'

/** How to reach the hub: all that a request needs beside what it asks for. */
export interface Access {
  /** Where the hub is mounted, without a slash at the end. */
  readonly url: string
  readonly fetch: typeof globalThis.fetch
  readonly getToken: ((options: { refresh: boolean }) => TokenAnswer) | undefined
  readonly credentials: RequestCredentials
  /** Wall clock, Unix ms. */
  now(): number
}
export type TokenAnswer = string | null | undefined | Promise<string | null | undefined>

/** Sends a GET with the credential of the moment. Rejects where no token can be had or the network fails. */
export async function get(
  { url, fetch, getToken, credentials }: Access,
  path: string,
  refresh: boolean,
  headers: Record<string, string> = {},
  signal: AbortSignal | null = null,
): Promise<Response> {
  const token = await getToken?.({ refresh })
  if (token) headers.Authorization = `Bearer ${token}`
  signal?.throwIfAborted()
  return fetch(url + path, { headers, signal, credentials, cache: 'no-store' })
}

/** Opens the stream and tells what comes of it until it ends, or until `signal` fires: after that, nothing. */
export async function readStream(
  access: Access,
  { request, cursor }: Stream,
  client: string,
  refresh: boolean,
  signal: AbortSignal,
  listener: (news: StreamNews) => void,
): Promise<void> {
  const tell = (news: StreamNews): void => {
    if (!signal.aborted) listener(news)
  }
  const topics = request.topics.map((topic) => ['topic', topic])
  const query = new URLSearchParams([...topics, ['client', client], ...(request.own ? [['own', '1']] : [])])
  // Also accepting problem documents tells the hub that this reader understands a status (H7).
  const headers: Record<string, string> = { Accept: `${streamType}, ${problemType}` }
  if (cursor) headers[lastEventIdHeader] = cursor
  try {
    const response = await get(access, `${eventsPath}?${query}`, refresh, headers, signal)
    const { status, body } = response
    if (status !== 200 || !body || !isOfType(response, streamType)) return tell(await refusal(response, access.now()))
    const decoder = new SseDecoder(
      {
        onMessage: ({ event, data, lastEventId }) =>
          tell({ type: 'message', name: event, cursor: lastEventId, data: parse(data) }),
        onRetry: (retryMs) => tell({ type: 'retryField', retryMs }),
      },
      cursor,
    )
    const reader = body.getReader()
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      tell({ type: 'byte' })
      decoder.push(read.value)
    }
    tell({ type: 'ended' })
  } catch (cause) {
    tell({ type: 'ended', cause })
  }
}

const isOfType = ({ headers }: Response, type: string): boolean | undefined =>
  headers.get('Content-Type')?.startsWith(type)

/** What an answer that is no stream means. */
async function refusal(response: Response, nowMs: number): Promise<Failed> {
  const { status, headers } = response
  let problem: Partial<Problem> = {}
  try {
    if (isOfType(response, problemType)) problem = (await response.json()) ?? {}
    else await response.body?.cancel()
  } catch {
    // The status says enough.
  }
  const { code, topics, detail = `The hub answered ${status}.`, retryAfterMs } = problem
  return {
    type: 'failed',
    status,
    error: new ClientError(kindOf(status), detail, { code, topics }),
    retryAfterMs: clampRetryAfterMs(retryAfterMs) || parseRetryAfter(headers.get('Retry-After'), nowMs),
  }
}

/** A 200 that is no stream comes from something before the hub, a captive portal say: worth another try. */
function kindOf(status: number): ErrorKind {
  if (status === 401 || status === 403) return 'authentication'
  if (status === 429) return 'rate_limit'
  if (status === 408) return 'timeout'
  if (status >= 500) return 'server'
  return status < 300 ? 'connection' : 'validation'
}

function parse(data: string): unknown {
  try {
    return JSON.parse(data)
  } catch {
    return undefined
  }
}
