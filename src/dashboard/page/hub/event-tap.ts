import { openRawStream, type RawStream } from './raw-stream.js'
import { type HubEvent, eventOf } from './event.js'
import { addressOf } from './request.js'
import { session } from './session.js'

/** An event of the namespace as it came. */
export interface TappedEvent {
  readonly at: number
  readonly event: HubEvent
  readonly cursor: string | null
  readonly text: string
}

export interface TapStatus {
  readonly state: 'connecting' | 'live' | 'waiting' | 'refused'
  /** Why it is not live, in words. */
  readonly why: string | null
  /** Places where history was missing, as far as this page was told. */
  readonly gaps: number
}

type Listener = (event: TappedEvent) => void

const firstDelayMs = 1_000
const longestDelayMs = 30_000
/** Until `hello` says how often to expect something. */
const heartbeatMs = 25_000

/**
 * Every event of the namespace (`topic=*`), for all views of this page over one stream. It begins with what the node still
 * holds in memory, comes back by itself with its last cursor, and is given up only where the hub refuses it.
 */
export class EventTap {
  readonly #events = new Set<Listener>()
  readonly #changes = new Set<() => void>()
  #status: TapStatus = { state: 'connecting', why: null, gaps: 0 }
  #stream: RawStream | null = null
  #cursor: string | null = null
  #failures = 0
  #silenceMs = heartbeatMs * 2.5
  #watchdog: ReturnType<typeof setTimeout> | undefined
  #timer: ReturnType<typeof setTimeout> | undefined

  get status(): TapStatus {
    return this.#status
  }

  /** Opens with the first listener of events, and stays open: a view that one comes back to has missed nothing. */
  listen(listener: Listener): () => void {
    this.#events.add(listener)
    if (!this.#stream && this.#timer === undefined) this.#open()
    return () => void this.#events.delete(listener)
  }

  watch = (changed: () => void): (() => void) => {
    this.#changes.add(changed)
    return () => void this.#changes.delete(changed)
  }

  close(): void {
    clearTimeout(this.#timer)
    clearTimeout(this.#watchdog)
    this.#stream?.close()
    this.#stream = null
  }

  #open(): void {
    this.#timer = undefined
    const { token } = session.current
    const query = this.#cursor === null ? { since: 'start' } : {}
    this.#become('connecting', null)
    const stream = openRawStream({
      address: addressOf('/events', { topic: '*', name: 'dashboard', ...query }),
      headers: {
        Accept: 'text/event-stream, application/problem+json',
        ...(token !== null && { Authorization: `Bearer ${token}` }),
        ...(this.#cursor !== null && { 'Last-Event-ID': this.#cursor }),
      },
      onResponse: () => this.#watch(),
      onFrame: (frame) => this.#take(frame),
      onEnd: ({ status, problem }) => {
        if (this.#stream !== stream) return
        if (status === 403 || status === 401) return this.#refused(problem)
        this.#comeBack(status === 0 ? 'The hub cannot be reached.' : (problem ?? 'The stream ended.'))
      },
    })
    this.#stream = stream
    this.#watch()
  }

  #take({ id, event: name, data }: { id: string | null; event: string | null; data: string | null }): void {
    this.#watch()
    if (data === null) return
    if (name === 'hello') {
      this.#silenceMs = 2.5 * ((JSON.parse(data) as { heartbeatMs?: number }).heartbeatMs ?? heartbeatMs)
      this.#failures = 0
      this.#become('live', null)
    } else if (name === 'gap') this.#change({ ...this.#status, gaps: this.#status.gaps + 1 })
    else if (name !== 'bye') {
      const event = eventOf(data)
      const told = event && { at: Date.now(), event, cursor: id, text: data }
      if (told) for (const listener of this.#events) listener(told)
    }
    if (id !== null) this.#cursor = id
  }

  /** A connection that nobody closed may be dead all the same. */
  #watch(): void {
    clearTimeout(this.#watchdog)
    this.#watchdog = setTimeout(() => {
      this.#stream?.close()
      this.#comeBack('Nothing came for too long.')
    }, this.#silenceMs)
  }

  #comeBack(why: string): void {
    clearTimeout(this.#watchdog)
    this.#stream = null
    const bound = Math.min(longestDelayMs, firstDelayMs * 2 ** this.#failures++)
    this.#become('waiting', why)
    this.#timer = setTimeout(() => this.#open(), bound * (0.5 + Math.random() / 2))
  }

  #refused(why: string | null): void {
    clearTimeout(this.#watchdog)
    this.#stream = null
    this.#become('refused', why ?? 'The hub refuses to show every event.')
  }

  #become(state: TapStatus['state'], why: string | null): void {
    this.#change({ ...this.#status, state, why })
  }

  #change(status: TapStatus): void {
    this.#status = status
    for (const changed of this.#changes) changed()
  }
}

let made: { readonly tap: EventTap; readonly token: string | null } | null = null

export function closeEventTap(): void {
  made?.tap.close()
  made = null
}

/** The tap of whoever is signed in. */
export function eventTap(): EventTap {
  const { token } = session.current
  if (made?.token === token) return made.tap
  made?.tap.close()
  made = { tap: new EventTap(), token }
  return made.tap
}
