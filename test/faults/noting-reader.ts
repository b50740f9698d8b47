import { mediaTypes } from '#src/protocol/names.js'
import { type SseMessage, createSseDecoder } from '#src/protocol/sse-decode.js'
import { ReaderNotes } from './history.js'

/** A hub: its address, or itself. */
export type Source = string | { fetch(request: Request): Promise<Response> }

export interface From {
  /** Default `start`. */
  readonly since?: 'start' | 'now'
  /** Where an earlier reader was. */
  readonly lastEventId?: string
}

/** Reads a stream as any client would, comes back with its last `id:` when it ends, and notes all of it. */
export class NotingReader extends ReaderNotes {
  /** Everything beside events, in order. `at`: how many notes came before. */
  readonly controls: { readonly name: string; readonly data: any; readonly at: number }[] = []
  /** The type of the event that is the note of that place. */
  readonly types: Record<number, string> = {}
  lastEventId: string
  connects = 0
  #source: Source
  readonly #query: string
  readonly #since: 'start' | 'now'
  #abort: AbortController = new AbortController()
  #closed = false
  #waiting: (() => void)[] = []

  constructor(source: Source, name: string, topics: readonly string[], from: From = {}) {
    super(name, topics, 'wire')
    this.#source = source
    this.#since = from.since ?? 'start'
    this.lastEventId = from.lastEventId ?? ''
    this.#query = topics.map((topic) => `topic=${encodeURIComponent(topic)}`).join('&')
    void this.#run()
  }

  get events(): { readonly id: string; readonly cursor: string; readonly at: number }[] {
    return this.notes.flatMap((note, at) => (note.kind === 'event' ? [{ id: note.id, cursor: note.cursor, at }] : []))
  }
  get gaps(): string[] {
    return this.notes.flatMap((note) => (note.kind === 'gap' ? [note.reason] : []))
  }
  has(id: string): boolean {
    return this.notes.some((note) => note.kind === 'event' && note.id === id)
  }

  /** Resolves when `reached` is true; asked after each note and control event. */
  async until(reached: () => boolean, timeoutMs = 60_000): Promise<void> {
    let late = false
    const timer = setTimeout(() => {
      late = true
      this.#wake()
    }, timeoutMs)
    try {
      while (!reached()) {
        if (late) throw new Error(`${this.name} waited in vain; last: ${JSON.stringify(this.notes.slice(-3))}`)
        await new Promise<void>((resolve) => this.#waiting.push(resolve))
      }
    } finally {
      clearTimeout(timer)
    }
  }

  /** Hangs up and reads no more; with `comeBack` it connects again at once with its last id. */
  hangUp({ comeBack = false } = {}): void {
    if (!comeBack) this.#closed = true
    this.#abort.abort()
  }

  /** Comes back at another hub. */
  moveTo(source: Source): void {
    this.#source = source
    this.hangUp({ comeBack: true })
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      this.#abort = new AbortController()
      try {
        await this.#connect()
      } catch {
        // Whatever ended it: it comes back with its cursor.
      }
      if (!this.#closed) await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  async #connect(): Promise<void> {
    const base = typeof this.#source === 'string' ? this.#source : 'http://hub.test'
    const url = `${base}/events?${this.#query}&since=${this.#since}`
    const headers = { accept: `${mediaTypes.stream}, ${mediaTypes.problem}` }
    const request = new Request(url, {
      headers: this.lastEventId ? { ...headers, 'last-event-id': this.lastEventId } : headers,
      signal: this.#abort.signal,
    })
    const response = await (typeof this.#source === 'string' ? fetch(request) : this.#source.fetch(request))
    if (response.status !== 200 || !response.body) {
      await response.body?.cancel()
      return
    }
    this.connects++
    if (this.lastEventId) this.begin(this.lastEventId)
    else if (this.#since === 'start') this.begin('start')
    const decoder = createSseDecoder(
      { onMessage: (message) => this.#take(message), onId: (id) => (this.lastEventId = id) },
      this.lastEventId,
    )
    for await (const bytes of response.body) {
      // What was on its way when it hung up for good is not read: its last id stays what its caller saw.
      if (this.#closed) return
      decoder.push(bytes)
    }
  }

  #take({ event: name, data, lastEventId }: SseMessage): void {
    const value = JSON.parse(data)
    const isControl = ['hello', 'ping', 'gap', 'snapshot', 'bye'].includes(name)
    if (isControl) this.controls.push({ name, data: value, at: this.notes.length })
    // A place that the hub cannot tell without its store is left out (P5.18).
    if ((name === 'ping' || name === 'hello') && value.cursor === undefined) return this.#wake()
    if (name === 'hello' && this.notes.length === 0) this.begin(value.cursor)
    else if (name === 'ping') this.position(value.cursor)
    else if (name === 'gap') this.gap(value)
    else if (!isControl) {
      this.types[this.notes.length] = name
      this.event(value, lastEventId)
    }
    this.#wake()
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}

/** The same by polls: each goes on from the cursor of the one before. */
export class NotingPoller extends ReaderNotes {
  readonly #source: { fetch(request: Request): Promise<Response> }
  readonly #topics: string
  #cursor = 'start'
  #closed = false

  constructor(source: { fetch(request: Request): Promise<Response> }, name: string, topics: readonly string[]) {
    super(name, topics, 'wire')
    this.#source = source
    this.#topics = topics.map((topic) => `topic=${encodeURIComponent(topic)}`).join('&')
  }

  /** Polls until it is closed; refusals are tried again. */
  async run(): Promise<void> {
    while (!this.#closed) {
      const url = `http://hub.test/events?${this.#topics}&since=${this.#cursor}&wait=1&limit=50`
      const response = await this.#source.fetch(new Request(url, { headers: { accept: 'application/json' } }))
      if (response.status === 200) this.#take(await response.json())
      else await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  close(): void {
    this.#closed = true
  }

  #take(body: { events: any[]; cursor: string; gaps?: any[] }): void {
    this.begin(this.#cursor)
    for (const gap of body.gaps ?? []) this.gap(gap)
    const epoch = body.cursor.split('.')[0] as string
    for (const event of body.events) this.event(event, `${epoch}.${event.seq}`)
    this.position(body.cursor)
    this.#cursor = body.cursor
  }
}
