import { type Clock, systemClock } from '../clock.js'
import { type Controls, isControlName } from '../protocol/control.js'
import { decodeEnvelope, type TidingsEvent } from '../protocol/event.js'
import { headers, mediaTypes, paths } from '../protocol/names.js'
import { createSseDecoder, type SseMessage } from '../protocol/sse-decode.js'

/** Where a stream comes from: the address of a mounted hub (`http://127.0.0.1:4000/tidings`), or the hub itself. */
export type StreamSource = string | URL | { fetch(request: Request): Promise<Response> | Response }

export interface StreamOptions {
  /** Absent: the reader's own topics. */
  readonly topics?: readonly string[]
  readonly types?: readonly string[]
  /** `start`, `now`, a cursor, or `@<Unix ms>`. Absent: what the hub does without, `now`. */
  readonly since?: string
  /** Sent as the header of that name; it decides alone where it is not empty (D5). */
  readonly lastEventId?: string
  /** The development user (A1). */
  readonly as?: { readonly userId: string; readonly roles?: readonly string[] }
  readonly headers?: Readonly<Record<string, string>>
  /** Further parameters of the query: `{ named: 'false' }`. */
  readonly query?: Readonly<Record<string, string>>
  /** How long `next`, `until`, `control` and `ended` wait. Default 5,000 ms, always of `clock`. */
  readonly timeoutMs?: number
  /** Default: the system's, so that a test with a fake clock in the hub still ends. */
  readonly clock?: Clock
}

export type StreamControl = {
  [Name in keyof Controls]: { readonly name: Name; readonly data: Controls[Name]; readonly lastEventId: string }
}[keyof Controls]

/** A stream as a test reads it: events by `next`, what the hub says beside them in `controls`. */
export interface StreamReader {
  readonly response: Response
  readonly connectionId: string | null
  /** All control events so far, in order. */
  readonly controls: readonly StreamControl[]
  /** The last `id:` that the stream committed. */
  readonly lastEventId: string
  /** The last `retry:` that the stream sent. */
  readonly retryMs: number | undefined
  /** The next event that was not taken yet. Throws on timeout and at the stream's end, listing what was seen. */
  next(): Promise<TidingsEvent>
  /** Takes events up to the first that `predicate` is true for, and returns them with it as the last. */
  until(predicate: (event: TidingsEvent) => boolean): Promise<TidingsEvent[]>
  /** Every event so far, taken or not; takes none. */
  all(): readonly TidingsEvent[]
  /** The first control event of that name among those not returned before. */
  control<Name extends keyof Controls>(name: Name): Promise<Controls[Name]>
  /** Resolves when the hub has ended the stream. */
  ended(): Promise<void>
  /** Hangs up. Safe to call twice. */
  close(): Promise<void>
}

/** Opens a stream and resolves when its headers are there. Throws where the answer is not a stream, with its body. */
export async function readStream(source: StreamSource, options: StreamOptions = {}): Promise<StreamReader> {
  const abort = new AbortController()
  const request = new Request(streamUrl(source, options), {
    headers: {
      accept: `${mediaTypes.stream}, ${mediaTypes.problem}`,
      ...(options.lastEventId !== undefined && { [headers.lastEventId]: options.lastEventId }),
      ...options.headers,
    },
    signal: abort.signal,
  })
  const inProcess = typeof source === 'object' && 'fetch' in source
  const response = await (inProcess ? source.fetch(request) : fetch(request))
  const type = response.headers.get('content-type') ?? 'no content type'
  if (response.status !== 200 || !type.startsWith(mediaTypes.stream) || !response.body) {
    const body = await response.text()
    throw new Error(`GET ${request.url} is no stream: ${response.status} (${type}) ${body.slice(0, 2_000)}`)
  }
  return new Reader(response, response.body, abort, options)
}

function streamUrl(source: StreamSource, options: StreamOptions): URL {
  const base = typeof source === 'string' || source instanceof URL ? String(source) : 'http://localhost'
  const url = new URL(base.replace(/\/$/, '') + paths.events)
  for (const topic of options.topics ?? []) url.searchParams.append('topic', topic)
  for (const type of options.types ?? []) url.searchParams.append('type', type)
  if (options.since !== undefined) url.searchParams.set('since', options.since)
  if (options.as) {
    url.searchParams.set('userId', options.as.userId)
    if (options.as.roles) url.searchParams.set('roles', options.as.roles.join(','))
  }
  for (const [name, value] of Object.entries(options.query ?? {})) url.searchParams.set(name, value)
  return url
}

class Reader implements StreamReader {
  readonly response: Response
  readonly controls: StreamControl[] = []
  lastEventId = ''
  retryMs: number | undefined
  readonly #events: TidingsEvent[] = []
  readonly #returned = new Set<StreamControl>()
  readonly #abort: AbortController
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #done: Promise<void>
  #taken = 0
  #end: string | null = null
  #wake: () => void = () => {}

  constructor(response: Response, body: ReadableStream<Uint8Array>, abort: AbortController, options: StreamOptions) {
    this.response = response
    this.#abort = abort
    this.#clock = options.clock ?? systemClock
    this.#timeoutMs = options.timeoutMs ?? 5_000
    this.#done = this.#read(body)
  }

  get connectionId(): string | null {
    return this.response.headers.get(headers.connectionId)
  }

  next(): Promise<TidingsEvent> {
    return this.#wait('the next event', () => {
      const event = this.#events[this.#taken]
      if (event) this.#taken++
      return event
    })
  }

  until(predicate: (event: TidingsEvent) => boolean): Promise<TidingsEvent[]> {
    const events: TidingsEvent[] = []
    return this.#wait('an event that the predicate accepts', () => {
      for (let event = this.#events[this.#taken]; event; event = this.#events[this.#taken]) {
        this.#taken++
        events.push(event)
        if (predicate(event)) return events
      }
      return undefined
    })
  }

  all(): readonly TidingsEvent[] {
    return [...this.#events]
  }

  control<Name extends keyof Controls>(name: Name): Promise<Controls[Name]> {
    return this.#wait(`the control event "${name}"`, () => {
      const found = this.controls.find((control) => control.name === name && !this.#returned.has(control))
      if (!found) return undefined
      this.#returned.add(found)
      return found.data as Controls[Name]
    })
  }

  async ended(): Promise<void> {
    await this.#wait('the end of the stream', () => this.#end !== null || undefined)
  }

  async close(): Promise<void> {
    this.#end ??= 'closed by the reader'
    this.#abort.abort()
    this.#wake()
    await this.#done
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = createSseDecoder({
      onMessage: (message) => this.#take(message),
      onRetry: (retryMs) => {
        this.retryMs = retryMs
      },
      onId: (id) => {
        this.lastEventId = id
      },
    })
    const reader = body.getReader()
    // A hub in process has no socket that would notice the request's signal.
    this.#abort.signal.addEventListener('abort', () => void reader.cancel().catch(() => {}))
    try {
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        decoder.push(part.value)
        this.#wake()
      }
      this.#end ??= 'ended by the hub'
    } catch (error) {
      this.#end ??= `broken: ${String(error)}`
    }
    this.#wake()
  }

  #take(message: SseMessage): void {
    if (isControlName(message.event)) {
      const data = JSON.parse(message.data)
      this.controls.push({ name: message.event, data, lastEventId: message.lastEventId } as StreamControl)
    } else this.#events.push(decodeEnvelope(message.data))
  }

  async #wait<Found>(what: string, look: () => Found | undefined): Promise<Found> {
    let late = false
    const timer = this.#clock.setTimer(() => {
      late = true
      this.#wake()
    }, this.#timeoutMs)
    try {
      for (;;) {
        const found = look()
        if (found !== undefined) return found
        if (this.#end !== null) throw new Error(`Waited for ${what}, but the stream is ${this.#end}. ${this.#seen()}`)
        if (late) throw new Error(`Waited ${this.#timeoutMs} ms for ${what}. ${this.#seen()}`)
        await this.#change()
      }
    } finally {
      timer.cancel()
    }
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      const others = this.#wake
      this.#wake = () => {
        this.#wake = () => {}
        others()
        resolve()
      }
    })
  }

  #seen(): string {
    const controls = this.controls.map((control) => `${control.name} ${JSON.stringify(control.data).slice(0, 200)}`)
    const events = this.#events.slice(-20).map((event, index, shown) => {
      const taken = this.#events.length - shown.length + index < this.#taken ? 'taken' : 'not taken'
      return `${event.type} on ${event.topic} seq ${event.seq ?? '–'} (${taken})`
    })
    return [
      `Seen: ${this.controls.length} control events${list(controls.slice(-10))}`,
      `${this.#events.length} events${list(events)}`,
    ].join('\n')
  }
}

const list = (lines: readonly string[]): string => lines.map((line) => `\n  ${line}`).join('')
