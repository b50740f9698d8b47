import { eventOf } from '../../hub/event.js'
import { openRawStream } from '../../hub/raw-stream.js'
import { session } from '../../hub/session.js'
import { type TrySettings, requestOf } from './request.js'

/** One thing that came, as it came. */
export interface TryEntry {
  readonly key: number
  /** Since the request was sent. */
  readonly afterMs: number
  readonly kind: 'response' | 'frame' | 'poll' | 'end'
  readonly text: string
  /** Whether it carried an event, and not only a word about the stream. */
  readonly isEvent: boolean
}

export interface TryState {
  readonly state: 'closed' | 'opening' | 'open'
  readonly status: number | null
  readonly headers: readonly (readonly [string, string])[]
  readonly entries: readonly TryEntry[]
  /** Of this request: how many events came, and how many entries are no longer kept. */
  readonly events: number
  readonly dropped: number
}

const nothing: TryState = { state: 'closed', status: null, headers: [], entries: [], events: 0, dropped: 0 }

const mostEntries = 300
const tellEveryMs = 50

/** A stream, or a row of polls, of one pane: what came is kept with its time, the newest of it. */
export class TryStream {
  readonly #listeners = new Set<() => void>()
  #shown: TryState = nothing
  #next: TryState = nothing
  #timer: ReturnType<typeof setTimeout> | undefined
  #close: (() => void) | null = null
  #keys = 0
  #beganMs = 0

  get now(): TryState {
    return this.#shown
  }

  watch = (changed: () => void): (() => void) => {
    this.#listeners.add(changed)
    return () => void this.#listeners.delete(changed)
  }

  open(settings: TrySettings): void {
    this.#close?.()
    this.#beganMs = performance.now()
    this.#change({ ...nothing, state: 'opening' })
    this.#close = settings.transport === 'sse' ? this.#stream(settings) : this.#polls(settings)
  }

  close(): void {
    if (!this.#close) return
    this.#close()
    this.#close = null
    this.#note('end', 'Closed by this page.')
    this.#change({ state: 'closed' })
  }

  #stream(settings: TrySettings): () => void {
    const { close } = openRawStream({
      ...requestOf(settings, session.current.token),
      onResponse: (response) => this.#answered(response),
      onFrame: ({ raw, data }) => this.#note('frame', raw, data !== null && eventOf(data) !== null ? 1 : 0),
      onEnd: ({ problem }) => this.#ended(problem ?? 'The hub ended the stream.'),
    })
    return close
  }

  #polls(settings: TrySettings): () => void {
    const abort = new AbortController()
    const run = async (): Promise<void> => {
      let cursor: string | null = null
      for (;;) {
        const { address, headers, credentials } = requestOf(settings, session.current.token, cursor)
        const response = await fetch(address, { headers, credentials, cache: 'no-store', signal: abort.signal })
        const text = await response.text()
        if (abort.signal.aborted) return
        this.#answered(response)
        if (!response.ok) return this.#ended(text)
        if (response.status === 204) return this.#ended('Nothing will ever follow.')
        const body = JSON.parse(text) as { cursor: string; events: readonly unknown[] }
        this.#note('poll', text, body.events.length)
        cursor = body.cursor
      }
    }
    run().catch((error: unknown) => abort.signal.aborted || this.#ended(String(error)))
    return () => abort.abort()
  }

  #answered({ status, headers }: { readonly status: number; readonly headers: Headers }): void {
    if (this.#next.status === null) this.#note('response', `HTTP ${status}`)
    this.#change({ state: 'open', status, headers: [...headers] })
  }

  #ended(why: string): void {
    this.#close = null
    this.#note('end', why)
    this.#change({ state: 'closed' })
  }

  #note(kind: TryEntry['kind'], text: string, events = 0): void {
    const entry = { key: ++this.#keys, afterMs: performance.now() - this.#beganMs, kind, text, isEvent: events > 0 }
    const { entries, dropped } = this.#next
    const over = entries.length >= mostEntries ? 1 : 0
    this.#change({
      entries: [...entries.slice(over), entry],
      dropped: dropped + over,
      events: this.#next.events + events,
    })
  }

  #change(part: Partial<TryState>): void {
    this.#next = { ...this.#next, ...part }
    if (this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#shown = this.#next
      for (const listener of this.#listeners) listener()
    }, tellEveryMs)
  }
}
