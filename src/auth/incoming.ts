/**
 * What the hub reads of a request. A runtime that has more at hand than a `Request` makes one without paying for what
 * nobody reads: making a `Request` and reading its body cost most of a publish over HTTP.
 */
export interface Incoming {
  readonly method: string
  /** The path as it was sent, which may be written in other ways than the one of {@link address}. */
  readonly path: string
  readonly query: URLSearchParams
  readonly address: URL
  /** The other end of the connection, as the runtime tells it; null where it does not. A proxy has not been looked through. */
  readonly remoteAddress: string | null
  /** Of HTTP, by which it came here, such as `1.1`; absent where the runtime does not tell. */
  readonly httpVersion?: string
  /** The value of a header, several joined by `, `; null where there is none. `name` in any case. */
  header(name: string): string | null
  /** The body, once; empty where there is none; null where it is longer than `limit` bytes. Rejects where it breaks off. */
  read(limit: number): Promise<Uint8Array | null>
  /**
   * Calls `task` when nobody waits for the answer any more, at once where that is so; maybe also after the answer. Returns
   * what ends the listening. Keep it until then: in Node the signal of a `Request` that was collected hears of no abort.
   */
  whenGone(task: () => void): () => void
  /** The runtime's own request, where it has another than a `Request`: on Node the `IncomingMessage`. */
  readonly native?: unknown
  /** The request as applications know it, for their own functions; its body is the hub's to read. */
  whole(): Request
}

/** Any runtime's `Request`; the address of who sent it is not part of one. */
export function incomingOf(request: Request, remoteAddress: string | null = null, native?: unknown): Incoming {
  const address = new URL(request.url)
  return {
    method: request.method,
    path: address.pathname,
    query: address.searchParams,
    address,
    remoteAddress,
    native,
    header: (name) => request.headers.get(name),
    read: (limit) => readBody(request.body as AsyncIterable<Uint8Array> | null, limit),
    whenGone(task) {
      if (request.signal.aborted) task()
      else request.signal.addEventListener('abort', task, { once: true })
      return () => request.signal.removeEventListener('abort', task)
    },
    whole: () => request,
  }
}

async function readBody(body: AsyncIterable<Uint8Array> | null, limit: number): Promise<Uint8Array | null> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of body ?? []) {
    size += part.length
    if (size > limit) return null
    parts.push(part)
  }
  const whole = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
