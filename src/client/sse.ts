import type { Clock } from '../clock.js'
import { eventsPath, lastEventIdHeader, problemType, streamType } from '../protocol/names.js'
import { createSseDecoder } from '../protocol/sse-decode.js'
import { ClientError } from './error.js'
import { mediaType } from './media-type.js'
import type { Failed, Stream, StreamNews } from './state.js'

/** How to reach the hub: all that a request needs beside what it asks for. */
export interface Access {
  /** Where the hub is mounted, without a slash at the end. */
  readonly url: string
  /** Default: the page's own, looked up at each call, because pages replace it. */
  readonly fetch?: typeof globalThis.fetch | undefined
  readonly getToken?: ((options: { refresh: boolean }) => TokenAnswer) | undefined
  readonly credentials?: RequestCredentials | undefined
  readonly clock: Clock
  /** 128 random bits: by them the hub knows that a stream takes another's place. */
  readonly client: string
  /** What the hub's lists of connections call this client. */
  readonly name?: string | undefined
}
export type TokenAnswer = string | null | undefined | Promise<string | null | undefined>

/** Sends a GET with the credential of the moment. Rejects where no token can be had or the network fails. */
export async function get(
  { url, fetch = globalThis.fetch, getToken, credentials }: Access,
  path: string,
  refresh: boolean,
  headers: Record<string, string> = {},
  signal?: AbortSignal,
  sent?: () => void,
): Promise<Response> {
  const token = await getToken?.({ refresh })
  if (token) headers.Authorization = `Bearer ${token}`
  sent?.()
  return fetch(url + path, { headers, signal, credentials, cache: 'no-store' } as RequestInit)
}

/**
 * Asks for the events of a stream after its cursor, as `type`; `more` goes into the query. What the answer means where it
 * is none of these. Rejects as {@link get} does.
 */
export async function ask(
  access: Access,
  { request, cursor }: Pick<Stream, 'request' | 'cursor'>,
  refresh: boolean,
  type: string,
  more: Record<string, string>,
  signal: AbortSignal,
  sent?: () => void,
): Promise<Response | Failed> {
  const query = new URLSearchParams(more)
  if (access.name) query.append('name', access.name)
  if (request.own) query.append('own', '1')
  for (const topic of request.topics) query.append('topic', topic)
  // Also accepting problem documents tells the hub that this reader understands a status (H7).
  const headers: Record<string, string> = { Accept: `${type}, ${problemType}` }
  if (cursor) headers[lastEventIdHeader] = cursor
  const response = await get(access, `${eventsPath}?${query}`, refresh, headers, signal, sent)
  const { status } = response
  if (status === 200 && mediaType(response) === type) return response
  const error = new ClientError('connection', `The hub answered ${status}.`)
  const refusal: Failed = { type: 'failed', status, error }
  // Most pages are never refused anything. Where this cannot be loaded, after a deploy say, a 401 is still followed by a
  // fresh token and a 204 still the end; anything else is tried again.
  const code = await import('./refusal.js').catch(() => null)
  return code?.explain(refusal, response, access) ?? refusal
}

/** Opens a stream and tells what comes of it. Resolves at its end, rejects where the network fails and when `signal` fires. */
export type ReadStream = (
  access: Access,
  stream: Stream,
  refresh: boolean,
  signal: AbortSignal,
  tell: (news: StreamNews) => void,
) => Promise<void>

export const readStream: ReadStream = async (access, stream, refresh, signal, tell) => {
  // The hub closes a stream whose place this one takes; polls do not name the client, for they take no stream's place.
  const more = { client: access.client }
  const answer = await ask(access, stream, refresh, streamType, more, signal, () => tell({ type: 'sent' }))
  if ('error' in answer) return tell(answer)
  let { cursor } = stream
  const decoder = createSseDecoder(
    {
      onMessage({ event, data, lastEventId }) {
        // A gap may follow a hello: cut in between, the reader has to come back with the cursor for which it is told (D4).
        cursor = (event === 'hello' && stream.cursor) || lastEventId
        tell({ type: 'message', name: event, cursor, data: parse(data) })
      },
      onRetry: (retryMs) => tell({ type: 'retryField', retryMs }),
      onId: (id) => (cursor = id),
    },
    cursor,
  )
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader()
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    decoder.push(read.value)
    // After an id without an event as well (P13.11).
    tell({ type: 'byte', cursor })
  }
}

function parse(data: string): unknown {
  try {
    return JSON.parse(data)
  } catch {
    return undefined
  }
}
