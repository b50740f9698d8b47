import { backoffMs, clampRetryAfterMs } from '../client/backoff.js'
import { silenceLimitMs, usableHeartbeatMs } from '../client/watchdog.js'
import { type Timer, systemClock, wait } from '../clock.js'
import { type Bye, type GapNotice, type Hello, isControlName } from '../protocol/control.js'
import { backoffFromMs } from '../protocol/defaults.js'
import { headers as headerNames, mediaTypes, paths } from '../protocol/names.js'
import { createSseDecoder, type SseMessage } from '../protocol/sse-decode.js'
import { systemRandom } from '../random.js'
import { reasonOf, RequestRefused } from './request.js'
import { addressOf, isTemporary, refusalOf, type Target } from './target.js'

export interface TailOptions {
  readonly topics: readonly string[]
  readonly types: readonly string[]
  /** `start`, `now`, a cursor or `@<Unix ms>`. Default: now. */
  readonly since?: string | undefined
  /** Takes one JSON envelope; resolves when it can take the next. */
  readonly print: (line: string) => Promise<void>
  /** What a person should know, and a program that reads the envelopes should not meet. */
  readonly note: (line: string) => void
}

/** Events that came twice around a gap are told apart by id among this many (D4). */
const recentIds = 1_000

/**
 * Prints every event of some topics, in order, once, over any number of connections: each resumes from the cursor of the one
 * before. What keeps it from going on is noted once, until that changes. Resolves when the hub says that nothing more will
 * come; rejects with RequestRefused for what waiting does not change, such as a wrong address.
 */
export async function tail(hub: Target, options: TailOptions): Promise<void> {
  const reader = new Tail(hub, options)
  while (await reader.connect());
}

class Tail {
  readonly #hub: Target
  readonly #options: TailOptions
  readonly #printed = new Set<string>()
  #cursor = ''
  #attempt = 0
  #retryMs: number = backoffFromMs
  #heartbeatMs = usableHeartbeatMs(undefined)
  #bye: Bye | null = null
  /** Why it has no stream, as it was noted last; empty while it has one. */
  #trouble = ''

  constructor(hub: Target, options: TailOptions) {
    this.#hub = hub
    this.#options = options
  }

  /** One connection to its end, and the pause after it. False: there is nothing more to come. */
  async connect(): Promise<boolean> {
    const { note } = this.#options
    this.#bye = null
    let retryAfterMs: number | undefined
    let reached = false
    const abort = new AbortController()
    const watchdog = new Watchdog(() => abort.abort(new Error('silence')))
    try {
      watchdog.touch(silenceLimitMs(this.#heartbeatMs))
      const response = await fetch(this.#address(), { headers: this.#headers(), signal: abort.signal })
      reached = true
      if (response.status === 204) return false
      if (response.status !== 200 || !response.headers.get('Content-Type')?.startsWith(mediaTypes.stream)) {
        const refusal = await refusalOf(response)
        if (response.status !== 200 && !isTemporary(refusal.status))
          throw new RequestRefused(refusal.message, this.#hub, refusal)
        retryAfterMs = refusal.retryAfterMs
        this.#noteTrouble(refusal.message)
      } else if (response.body) await this.#read(response.body, watchdog)
    } catch (cause) {
      if (cause instanceof RequestRefused) throw cause
      // Who never got through may have the wrong address.
      this.#noteTrouble(`${reached ? 'connection lost' : `no answer from ${this.#hub.url}`}: ${reasonOf(cause)}`)
    } finally {
      watchdog.stop()
      abort.abort()
    }
    const bye = this.#bye as Bye | null
    if (bye) note(`the hub ended the stream: ${bye.reason}`)
    if (bye && !bye.reconnect) return false
    const pauseMs =
      bye?.retryAfterMs ?? retryAfterMs ?? backoffMs(this.#attempt++, this.#retryMs, systemRandom.fraction())
    await wait(systemClock, clampRetryAfterMs(pauseMs), undefined, { keepsProcess: true })
    return true
  }

  #noteTrouble(trouble: string): void {
    if (trouble === this.#trouble) return
    this.#trouble = trouble
    this.#options.note(`${trouble}; trying again until it works`)
  }

  #address(): string {
    const { topics, types, since } = this.#options
    return addressOf(this.#hub, paths.events, [
      ...topics.map((topic) => ['topic', topic] as const),
      ...types.map((type) => ['type', type] as const),
      // Once there is a cursor it decides alone (D5).
      ...(since === undefined ? [] : [['since', since] as const]),
    ])
  }

  #headers(): Record<string, string> {
    return {
      ...this.#hub.headers,
      Accept: `${mediaTypes.stream}, ${mediaTypes.problem}`,
      ...(this.#cursor !== '' && { [headerNames.lastEventId]: this.#cursor }),
    }
  }

  async #read(body: ReadableStream<Uint8Array>, watchdog: Watchdog): Promise<void> {
    const lines: string[] = []
    const decoder = createSseDecoder(
      {
        onMessage: (message) => this.#take(message, lines),
        onId: (id) => (this.#cursor = id),
        onRetry: (retryMs) => (this.#retryMs = retryMs),
      },
      this.#cursor,
    )
    for await (const bytes of body) {
      watchdog.touch(silenceLimitMs(this.#heartbeatMs))
      decoder.push(bytes)
      for (const line of lines.splice(0)) await this.#options.print(line)
    }
  }

  #take({ event, data }: SseMessage, lines: string[]): void {
    if (!isControlName(event)) {
      const { id } = JSON.parse(data) as { id: string }
      if (this.#printed.has(id)) return
      this.#printed.add(id)
      if (this.#printed.size > recentIds) this.#printed.delete(this.#printed.values().next().value as string)
      lines.push(data)
      return
    }
    const told: unknown = JSON.parse(data)
    if (event === 'hello') {
      this.#heartbeatMs = usableHeartbeatMs((told as Hello).heartbeatMs)
      this.#attempt = 0
      if (this.#trouble !== '') this.#options.note('connected')
      this.#trouble = ''
    } else if (event === 'bye') this.#bye = told as Bye
    else if (event === 'gap') {
      const { reason, topics } = told as GapNotice
      this.#options.note(`gap (${reason})${topics ? ` in ${topics.join(', ')}` : ''}: some events are missing here`)
    }
  }
}

/** Calls `late` when it was not touched for as long as it was told (C3). */
class Watchdog {
  readonly #late: () => void
  #timer: Timer | null = null

  constructor(late: () => void) {
    this.#late = late
  }

  touch(limitMs: number): void {
    this.#timer?.cancel()
    this.#timer = systemClock.setTimer(this.#late, limitMs)
  }

  stop(): void {
    this.#timer?.cancel()
  }
}
