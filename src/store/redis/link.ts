import type { Clock, Timer } from '../../clock.js'
import { TidingsError } from '../../errors.js'
import type { Random } from '../../random.js'
import type { Availability } from '../store.js'
import { backoffMs } from './backoff.js'
import { GuardedConnection } from './connection.js'
import { endsConnection, isLastingRefusal, unavailable } from './failures.js'
import { ConnectionLost, type RedisPort, type Reply } from './port.js'
import { checkServer, readIdentity, type ServerIdentity, type ServerRules } from './server.js'

export interface LinkSettings extends ServerRules {
  readonly port: RedisPort
  readonly clock: Clock
  readonly random: Random
  readonly connectTimeoutMs: number
  readonly commandTimeoutMs: number
  /** How often an idle connection is asked who is at its other end. */
  readonly probeMs: number
  readonly onError: (error: Error) => void
  /** What is wrong with what is kept: nobody else would hear of it. */
  readonly onDamage: (error: Error) => void
  /** The time scripts go by, ms: empty for Redis's own. */
  readonly now: () => string
}

export interface LinkListener {
  /** Before `watch` tells true: what was known of the server may no longer be so. */
  up(server: ServerIdentity): void
  /** Before `watch` tells false. What was sent has been rejected. */
  down(): void
}

/** The connection that carries commands: made, checked, watched, and made again for as long as the store is open (S5). */
export class Link implements Availability {
  readonly #settings: LinkSettings
  readonly #listener: LinkListener
  readonly #watchers = new Set<(available: boolean) => void>()
  #connection: GuardedConnection | null = null
  #server: ServerIdentity = { runId: '', pair: '', clientId: null }
  #reason: string | null = 'It has not been opened.'
  #attempt = 0
  #retry: Timer | null = null
  #heartbeat: Timer | null = null
  #closed = false
  /** Ends the wait of `open`. */
  #opened: ((refusal?: TidingsError) => void) | null = null

  constructor(settings: LinkSettings, listener: LinkListener) {
    this.#settings = settings
    this.#listener = listener
  }

  get available(): boolean {
    return this.#connection !== null
  }
  get reason(): string | null {
    return this.#reason
  }
  get server(): ServerIdentity {
    return this.#server
  }

  watch(changed: (available: boolean) => void): () => void {
    // A function of its own each time: one that watches twice is told twice.
    const watcher = (available: boolean): void => changed(available)
    this.#watchers.add(watcher)
    return () => void this.#watchers.delete(watcher)
  }

  /** Rejects only with what waiting does not change; otherwise goes on trying after `connectTimeoutMs`. */
  async open(): Promise<void> {
    const { clock, connectTimeoutMs } = this.#settings
    const opened = new Promise<void>((resolve, reject) => {
      this.#opened = (refusal) => (refusal ? reject(refusal) : resolve())
    })
    const timer = clock.setTimer(() => this.#opened?.(), connectTimeoutMs, { keepsProcess: true })
    void this.#connect()
    try {
      await opened
    } catch (error) {
      this.close()
      throw error
    } finally {
      this.#opened = null
      timer.cancel()
    }
  }

  /** Rejects with `store_unavailable` at once while Redis is away. */
  async send(command: string, args: readonly string[]): Promise<Reply> {
    const connection = this.#connection
    if (!connection) throw this.refusal()
    try {
      return await connection.send(command, args)
    } catch (error) {
      if (endsConnection(error)) connection.drop((error as Error).message)
      throw error
    }
  }

  /** Whether it is still the same server that answers: a failover may keep the connection. */
  async recheck(): Promise<void> {
    const connection = this.#connection
    if (!connection) throw this.refusal()
    this.#server = { ...(await readIdentity(connection)), clientId: this.#server.clientId }
  }

  refusal(): TidingsError {
    if (this.#closed) return new TidingsError('closed', 'The store is closed.')
    return unavailable(this.#reason ?? '')
  }

  drop(reason: string): void {
    this.#connection?.drop(reason)
  }

  close(): void {
    this.#closed = true
    this.#retry?.cancel()
    this.#watchers.clear()
    this.drop('The store is closed.')
  }

  async #connect(): Promise<void> {
    this.#retry = null
    let connection: GuardedConnection | null = null
    try {
      let made: GuardedConnection | null = null
      connection = await GuardedConnection.connect(
        this.#settings.port,
        { message: () => undefined, closed: (reason) => this.#lost(made, reason) },
        this.#settings,
      )
      made = connection
      const server = await checkServer(connection, this.#settings, this.#server)
      if (this.#closed) return connection.drop('The store is closed.')
      this.#up(connection, server)
    } catch (error) {
      connection?.drop('It is of no use.')
      this.#failed(error)
    }
  }

  #up(connection: GuardedConnection, server: ServerIdentity): void {
    this.#connection = connection
    this.#server = server
    this.#reason = null
    this.#attempt = 0
    this.#listener.up(server)
    this.#askAgain(connection)
    this.#opened?.()
    this.#tell(true)
  }

  /** A failover may keep the connection, and a peer may be gone without a word: both show when it is asked. */
  #askAgain(connection: GuardedConnection): void {
    const { clock, probeMs } = this.#settings
    this.#heartbeat = clock.setTimer(async () => {
      try {
        const { pair } = await readIdentity(connection)
        if (pair !== this.#server.pair) connection.drop('Redis is another one than before.')
      } catch (error) {
        if (!(error instanceof ConnectionLost)) connection.drop((error as Error).message)
      }
      if (connection === this.#connection) this.#askAgain(connection)
    }, probeMs)
  }

  #failed(error: unknown): void {
    if (this.#closed) return
    const wrong = error as Error
    this.#reason = isLastingRefusal(error) ? `Redis refuses the connection: ${wrong.message}` : wrong.message
    if (!(error instanceof ConnectionLost)) this.#settings.onError(wrong)
    if (this.#opened && isFinal(error)) {
      return this.#opened(
        wrong instanceof TidingsError
          ? wrong
          : new TidingsError('option_invalid', `${this.#reason} Check user name, password and database.`, {
              field: 'url',
              cause: wrong,
            }),
      )
    }
    this.#retrySoon()
  }

  #lost(connection: GuardedConnection | null, reason: string): void {
    if (connection === null || connection !== this.#connection) return
    this.#connection = null
    this.#reason = reason
    this.#listener.down()
    // Whoever waited for an answer hears of its fate first: their handlers run before the next tick does.
    queueMicrotask(() => process.nextTick(() => this.#tell(false)))
    this.#heartbeat?.cancel()
    if (!this.#closed) this.#retrySoon()
  }

  #retrySoon(): void {
    const { clock, random } = this.#settings
    this.#retry = clock.setTimer(() => void this.#connect(), backoffMs(this.#attempt++, random))
  }

  #tell(available: boolean): void {
    if (available !== this.available) return
    for (const watcher of this.#watchers) watcher(available)
  }
}

const isFinal = (error: unknown): boolean =>
  isLastingRefusal(error) ||
  (error instanceof TidingsError && (error.code === 'option_invalid' || error.code === 'store_newer'))
