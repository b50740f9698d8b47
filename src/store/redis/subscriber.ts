import type { Clock, Timer } from '../../clock.js'
import type { Random } from '../../random.js'
import { backoffMs } from './backoff.js'
import { GuardedConnection } from './connection.js'
import type { RedisPort } from './port.js'

export interface SubscriberSettings {
  readonly port: RedisPort
  readonly clock: Clock
  readonly random: Random
  readonly connectTimeoutMs: number
  readonly commandTimeoutMs: number
  readonly onError: (error: Error) => void
}

export interface SubscriberListener {
  message(channel: string, text: string): void
  up(connection: GuardedConnection): void
  /** It was up, or did not come up. It is tried again as long as somebody listens. */
  down(reason: string, wasUp: boolean): void
  readonly wanted: boolean
}

/** The connection that hears: one for a store, made when it is first wanted, and made again when it breaks. */
export class Subscriber {
  readonly #settings: SubscriberSettings
  readonly #listener: SubscriberListener
  #connection: GuardedConnection | null = null
  #connecting = false
  #attempt = 0
  #retry: Timer | null = null
  #closed = false

  constructor(settings: SubscriberSettings, listener: SubscriberListener) {
    this.#settings = settings
    this.#listener = listener
  }

  get connection(): GuardedConnection | null {
    return this.#connection
  }

  start(): void {
    if (this.#connection || this.#connecting || this.#retry || this.#closed) return
    this.#connecting = true
    void this.#connect().finally(() => {
      this.#connecting = false
    })
  }

  /** It hears: the next break is the first again. */
  proved(): void {
    this.#attempt = 0
  }

  drop(reason: string): void {
    this.#connection?.drop(reason)
  }

  close(): void {
    this.#closed = true
    this.#retry?.cancel()
    this.drop('The store is closed.')
  }

  async #connect(): Promise<void> {
    let made: GuardedConnection | null = null
    try {
      made = await GuardedConnection.connect(
        this.#settings.port,
        {
          message: (channel, text) => this.#listener.message(channel, text),
          closed: (reason) => this.#lost(made, reason),
        },
        this.#settings,
      )
    } catch (error) {
      this.#settings.onError(error as Error)
      this.#listener.down((error as Error).message, false)
      return this.#retrySoon()
    }
    if (this.#closed) return made.drop('The store is closed.')
    this.#connection = made
    this.#listener.up(made)
  }

  #lost(connection: GuardedConnection | null, reason: string): void {
    if (connection === null || connection !== this.#connection) return
    this.#connection = null
    this.#listener.down(reason, true)
    this.#retrySoon()
  }

  #retrySoon(): void {
    if (this.#closed || !this.#listener.wanted) return
    const { clock, random } = this.#settings
    const again = (): void => {
      this.#retry = null
      this.start()
    }
    this.#retry = clock.setTimer(again, backoffMs(this.#attempt++, random))
  }
}
