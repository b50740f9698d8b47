import { type Frame, FrameReader } from './frames.js'

export interface RawStreamOptions {
  readonly address: string
  readonly headers: Readonly<Record<string, string>>
  /** Cookies go along unless it says `omit`. */
  readonly credentials?: RequestCredentials
  readonly onResponse?: (response: { readonly status: number; readonly headers: Headers }) => void
  readonly onFrame: (frame: Frame) => void
  /** Not after `close()`. `status` 0: there was no answer. `problem`: what it said instead of a stream. */
  readonly onEnd: (end: { readonly status: number; readonly problem: string | null }) => void
}

export interface RawStream {
  close(): void
}

/** One request for a stream, to be looked at as it comes. It does not come back by itself. */
export function openRawStream({
  address,
  headers,
  credentials,
  onResponse,
  onFrame,
  onEnd,
}: RawStreamOptions): RawStream {
  const abort = new AbortController()
  const read = async (): Promise<{ status: number; problem: string | null }> => {
    let status = 0
    try {
      const response = await fetch(address, {
        headers,
        signal: abort.signal,
        cache: 'no-store',
        ...(credentials && { credentials }),
      })
      status = response.status
      if (abort.signal.aborted) return { status, problem: null }
      onResponse?.(response)
      const isStream = response.headers.get('Content-Type')?.startsWith('text/event-stream') === true
      if (!isStream) return { status, problem: problemOf(await response.text()) }
      const reader = new FrameReader((frame) => abort.signal.aborted || onFrame(frame))
      const body = (response.body as ReadableStream<Uint8Array>).getReader()
      for (;;) {
        const { done, value } = await body.read()
        if (done) return { status, problem: null }
        reader.push(value)
      }
    } catch (error) {
      return { status, problem: status === 0 ? 'The hub cannot be reached.' : String(error) }
    }
  }
  void read().then((end) => abort.signal.aborted || onEnd(end))
  return { close: () => abort.abort() }
}

/** The words of a problem document, or the text as it is. */
function problemOf(text: string): string | null {
  try {
    const { detail } = JSON.parse(text) as { detail?: unknown }
    return typeof detail === 'string' ? detail : text
  } catch {
    return text === '' ? null : text
  }
}
