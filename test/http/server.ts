import { once } from 'node:events'
import { createServer } from 'node:http'
import { onTestFinished } from 'vitest'
import type { Session } from '#src/auth/session.js'
import { toNodeHandler } from '#src/http/node.js'
import { createHub, type HubOptions } from '#src/index.js'
import type { TidingsEvent } from '#src/protocol/event.js'
import type { PollBody } from '#src/protocol/poll.js'
import { readStream, type StreamOptions, type StreamReader } from '../fixtures/stream.js'

/** Somebody who may do everything in the default namespace. */
export const root: Session = { userId: 'root', subscribe: ['*'], publish: ['*'] }

export interface Call {
  /** Who asks; default {@link root}; null: nobody. */
  readonly as?: Session | null
  readonly method?: string
  /** Sent as JSON. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly accept?: string
}

export interface Answer<Body = Record<string, unknown>> {
  readonly status: number
  readonly headers: Headers
  readonly body: Body
}

/** A hub behind a real HTTP server on a free port, gone at the end of the test. */
export async function startHub(options: Partial<HubOptions> = {}) {
  const errors: unknown[] = []
  const hub = await createHub({ authenticate: sessionOf, onError: (error) => errors.push(error), ...options })
  const server = createServer(toNodeHandler(hub))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const port = (server.address() as { port: number }).port
  const url = `http://127.0.0.1:${port}`
  const readers: StreamReader[] = []
  onTestFinished(async () => {
    await Promise.all(readers.map((reader) => reader.close()))
    await hub.close({ drainMs: 0 })
    server.closeAllConnections()
    server.close()
  })

  async function call<Body = Record<string, unknown>>(
    path: string,
    { as = root, method, body, headers, accept }: Call = {},
  ): Promise<Answer<Body>> {
    const response = await fetch(url + path, {
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      headers: {
        ...(as && headersOf(as)),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(accept !== undefined && { accept }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    const isJson = /json/.test(response.headers.get('content-type') ?? '')
    return { status: response.status, headers: response.headers, body: (isJson ? JSON.parse(text) : text) as Body }
  }

  return {
    hub,
    port,
    url,
    errors,
    call,
    publish: (body: unknown, as: Session = root) => call<{ id: string; cursor: string }>('/events', { body, as }),
    poll: (query: string, { as = root, headers = {} }: Call = {}) =>
      call<PollBody>(`/events?${query}`, { as, headers, accept: 'application/json' }),
    async stream({ as = root, ...rest }: Omit<StreamOptions, 'as'> & { as?: Session } = {}): Promise<StreamReader> {
      const reader = await readStream(url, { ...rest, headers: { ...headersOf(as), ...rest.headers } })
      readers.push(reader)
      return reader
    },
  }
}

export type TestHub = Awaited<ReturnType<typeof startHub>>

export const headersOf = (session: Session): Record<string, string> => ({
  'x-session': encodeURIComponent(JSON.stringify(session)),
})

function sessionOf(request: Request): Session | null {
  const header = request.headers.get('x-session')
  return header === null ? null : JSON.parse(decodeURIComponent(header))
}

/** The numbers that events carry as their data. */
export const numbers = (events: readonly TidingsEvent[]): unknown[] => events.map((event) => event.data)
