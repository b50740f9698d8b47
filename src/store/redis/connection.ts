import type { Clock, Timer } from '../../clock.js'
import { ConnectionLost, type RedisConnection, type RedisPort, type Reply } from './port.js'

interface Pending {
  readonly sinceMs: number
  readonly reject: (error: Error) => void
}

export interface GuardedListener {
  message(channel: string, text: string): void
  /** All that was under way has been rejected. */
  closed(reason: string): void
}

/**
 * One connection to Redis that is given up when an answer takes too long: nobody else notices a peer that went without
 * a word. Answers come in the order of the commands, so one timer for the oldest is enough.
 */
export class GuardedConnection {
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #pending = new Set<Pending>()
  #raw: RedisConnection | null = null
  #closed: ((reason: string) => void) | null = null
  #timer: Timer | null = null

  private constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
  }

  static async connect(
    port: RedisPort,
    listener: GuardedListener,
    options: { readonly clock: Clock; readonly connectTimeoutMs: number; readonly commandTimeoutMs: number },
  ): Promise<GuardedConnection> {
    const connection = new GuardedConnection(options.clock, options.commandTimeoutMs)
    connection.#closed = (reason) => listener.closed(reason)
    connection.#raw = await port.connect(
      {
        message: (channel, text) => listener.message(channel, text),
        closed: () => connection.drop('Redis closed the connection.'),
      },
      options.connectTimeoutMs,
    )
    return connection
  }

  send(command: string, args: readonly string[]): Promise<Reply> {
    return this.#answered((raw) => raw.send(command, args))
  }

  subscribe(channel: string): Promise<void> {
    return this.#answered((raw) => raw.subscribe(channel))
  }

  unsubscribe(channel: string): Promise<void> {
    return this.#answered((raw) => raw.unsubscribe(channel))
  }

  /** Ends it: what is under way rejects with {@link ConnectionLost}, then the listener hears of it. Safe to call twice. */
  drop(reason: string): void {
    const raw = this.#raw
    if (!raw) return
    this.#raw = null
    this.#timer?.cancel()
    for (const { reject } of this.#pending) reject(new ConnectionLost(reason))
    this.#pending.clear()
    raw.drop()
    this.#closed?.(reason)
    this.#closed = null
  }

  #answered<Answer>(start: (raw: RedisConnection) => Promise<Answer>): Promise<Answer> {
    const raw = this.#raw
    if (!raw) return Promise.reject(new ConnectionLost('The connection to Redis is closed.'))
    return new Promise((resolve, reject) => {
      const pending = { sinceMs: this.#clock.monotonic(), reject }
      this.#pending.add(pending)
      this.#timer ??= this.#clock.setTimer(() => this.#check(), this.#timeoutMs)
      start(raw).then(
        (answer) => {
          if (this.#pending.delete(pending)) resolve(answer)
        },
        (error: Error) => {
          if (!this.#pending.delete(pending)) return
          reject(error)
          if (error instanceof ConnectionLost) this.drop(error.message)
        },
      )
    })
  }

  #check(): void {
    this.#timer = null
    const oldest = this.#pending.values().next().value
    if (!oldest) return
    const leftMs = oldest.sinceMs + this.#timeoutMs - this.#clock.monotonic()
    if (leftMs > 0) this.#timer = this.#clock.setTimer(() => this.#check(), leftMs)
    else this.drop(`Redis did not answer for ${this.#timeoutMs} ms.`)
  }
}
