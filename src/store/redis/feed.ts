import type { Clock, Timer } from '../../clock.js'
import type { Random } from '../../random.js'
import type { Follower } from '../store.js'
import { backoffMs } from './backoff.js'
import { GuardedConnection } from './connection.js'
import { decodeMessage, type Message } from './content.js'
import { unavailable } from './failures.js'
import type { RedisNamespace } from './namespace.js'
import type { RedisPort } from './port.js'

export interface FeedSettings {
  readonly port: RedisPort
  readonly clock: Clock
  readonly random: Random
  readonly connectTimeoutMs: number
  readonly commandTimeoutMs: number
  /** Without a word for this long, the feed is asked whether it still hears (S6, D7). */
  readonly probeMs: number
  /** Told to others with what this node says, so that it does not hear itself. */
  readonly node: string
  readonly onError: (error: Error) => void
  /** Publishes the last number down the channel. */
  readonly ask: (namespace: RedisNamespace) => Promise<unknown>
}

/** One followed namespace. */
interface Channel {
  readonly namespace: RedisNamespace
  readonly followers: Set<Follower>
  /** Subscribed on the present connection. */
  up: boolean
  heardMs: number
  /** When a probe was sent that has not come back. */
  probedMs: number | null
  waiting: { readonly resolve: () => void; readonly reject: (error: Error) => void }[]
}

/**
 * What this node hears of its namespaces: one connection for all, made with the first follower, and one channel for each
 * namespace that has any. After every break the followers are told at once, and told where it goes on once it does.
 */
export class Feed {
  readonly #settings: FeedSettings
  readonly #channels = new Map<string, Channel>()
  #connection: GuardedConnection | null = null
  #connecting = false
  #attempt = 0
  #retry: Timer | null = null
  #tick: Timer | null = null
  #closed = false

  constructor(settings: FeedSettings) {
    this.#settings = settings
  }

  /** Hears the namespace from some moment before the promise resolves on, until the returned function is called. */
  async join(namespace: RedisNamespace, follower: Follower): Promise<() => void> {
    const channel = this.#channelOf(namespace)
    channel.followers.add(follower)
    const leave = (): void => {
      if (channel.followers.delete(follower) && channel.followers.size === 0) this.#release(channel)
    }
    try {
      await this.#subscribed(channel)
    } catch (error) {
      leave()
      throw error
    }
    return leave
  }

  /** Where the channel is not heard now, it is asked when it is: a follower that was interrupted does not wait for ever. */
  async probe(namespace: RedisNamespace): Promise<void> {
    const channel = this.#channels.get(namespace.channel)
    if (channel?.up) await this.#probe(channel)
    else if (!channel) await this.#settings.ask(namespace)
  }

  /** Commands work again: what could not be asked meanwhile is asked now. */
  revive(): void {
    for (const channel of this.#channels.values()) if (channel.up) this.#probe(channel).catch(() => {})
  }

  /** The subscription may hang on a server that is no longer the one appended to. */
  reconnect(reason: string): void {
    this.#connection?.drop(reason)
  }

  follows(namespace: RedisNamespace): boolean {
    return this.#channels.has(namespace.channel)
  }

  close(): void {
    this.#closed = true
    this.#retry?.cancel()
    this.#tick?.cancel()
    for (const { waiting } of this.#channels.values()) {
      for (const { reject } of waiting.splice(0)) reject(unavailable('The store is closed.'))
    }
    this.#channels.clear()
    this.#connection?.drop('The store is closed.')
  }

  #channelOf(namespace: RedisNamespace): Channel {
    let channel = this.#channels.get(namespace.channel)
    if (!channel) {
      const heardMs = this.#settings.clock.monotonic()
      channel = { namespace, followers: new Set(), up: false, heardMs, probedMs: null, waiting: [] }
      this.#channels.set(namespace.channel, channel)
      if (this.#connection) void this.#subscribe(this.#connection, channel)
      else this.#connect()
      this.#tick ??= this.#nextTick()
    }
    return channel
  }

  #release(channel: Channel): void {
    this.#channels.delete(channel.namespace.channel)
    channel.up = false
    // Commands keep their order, so a follower that comes now subscribes after this.
    this.#connection?.unsubscribe(channel.namespace.channel).catch(() => {})
  }

  #subscribed(channel: Channel): Promise<void> {
    if (channel.up) return Promise.resolve()
    return new Promise((resolve, reject) => channel.waiting.push({ resolve, reject }))
  }

  async #subscribe(connection: GuardedConnection, channel: Channel): Promise<void> {
    try {
      await connection.subscribe(channel.namespace.channel)
    } catch {
      // A connection that refuses to subscribe is of no use; the next one tries again.
      return connection.drop('Redis refused a subscription.')
    }
    if (connection !== this.#connection || this.#channels.get(channel.namespace.channel) !== channel) return
    this.#attempt = 0
    channel.up = true
    channel.heardMs = this.#settings.clock.monotonic()
    channel.probedMs = null
    const waiting = channel.waiting.splice(0)
    for (const { resolve } of waiting) resolve()
    // Those who followed before the break are not whole until they hear where it goes on.
    if (channel.followers.size > waiting.length) this.#probe(channel).catch(() => {})
  }

  #connect(): void {
    if (this.#connection || this.#connecting || this.#retry || this.#closed) return
    this.#connecting = true
    void this.#makeConnection().finally(() => {
      this.#connecting = false
    })
  }

  async #makeConnection(): Promise<void> {
    let made: GuardedConnection | null = null
    try {
      made = await GuardedConnection.connect(
        this.#settings.port,
        { message: (channel, text) => this.#heard(channel, text), closed: (reason) => this.#lost(made, reason) },
        this.#settings,
      )
    } catch (error) {
      return this.#failed(error as Error)
    }
    if (this.#closed) return made.drop('The store is closed.')
    this.#connection = made
    for (const channel of this.#channels.values()) void this.#subscribe(made, channel)
  }

  #failed(error: Error): void {
    this.#settings.onError(error)
    for (const { waiting } of this.#channels.values()) {
      for (const { reject } of waiting.splice(0)) reject(unavailable(error.message, error))
    }
    this.#retrySoon()
  }

  #retrySoon(): void {
    if (this.#closed || this.#channels.size === 0) return
    const { clock, random } = this.#settings
    this.#retry = clock.setTimer(
      () => {
        this.#retry = null
        this.#connect()
      },
      backoffMs(this.#attempt++, random),
    )
  }

  #lost(connection: GuardedConnection | null, reason: string): void {
    if (connection === null || connection !== this.#connection) return
    this.#connection = null
    for (const channel of this.#channels.values()) {
      channel.up = false
      channel.probedMs = null
      for (const { reject } of channel.waiting.splice(0)) reject(unavailable(reason))
      for (const follower of channel.followers) follower.interrupted()
    }
    this.#retrySoon()
  }

  #heard(name: string, text: string): void {
    const channel = this.#channels.get(name)
    const message = channel && decodeMessage(text)
    if (!channel || !message) return
    channel.heardMs = this.#settings.clock.monotonic()
    channel.probedMs = null
    this.#note(channel.namespace, message)
    for (const follower of channel.followers) {
      if (message.kind === 'announced') follower.announced(message.announcements)
      else if (message.kind === 'probed') follower.probed(message.position)
      else if (message.from !== this.#settings.node) follower.told?.(message.text)
    }
  }

  #note(namespace: RedisNamespace, message: Message): void {
    if (message.kind === 'probed') namespace.hear(message.position.epoch, message.position.seq)
    if (message.kind !== 'announced') return
    const last = message.announcements.at(-1)
    if (last) namespace.hear(last.epoch, last.seq)
  }

  async #probe(channel: Channel): Promise<void> {
    channel.probedMs ??= this.#settings.clock.monotonic()
    try {
      await this.#settings.ask(channel.namespace)
    } catch (error) {
      // That commands do not work says nothing about the feed. It is asked again when they do.
      channel.probedMs = null
      throw error
    }
  }

  #nextTick(): Timer {
    const { clock, probeMs } = this.#settings
    return clock.setTimer(() => this.#watch(), Math.min(1_000, probeMs / 5))
  }

  /** A subscription may be gone without a word, or stay and hear nothing: only what it echoes shows that it hears. */
  #watch(): void {
    const { clock, probeMs, commandTimeoutMs } = this.#settings
    const nowMs = clock.monotonic()
    this.#tick = this.#channels.size > 0 ? this.#nextTick() : null
    for (const channel of this.#channels.values()) {
      if (!channel.up) continue
      if (channel.probedMs !== null && nowMs - channel.probedMs >= commandTimeoutMs) {
        return this.#connection?.drop(`The feed did not echo a probe for ${commandTimeoutMs} ms.`)
      }
      if (channel.probedMs === null && nowMs - channel.heardMs >= probeMs) this.#probe(channel).catch(() => {})
    }
  }
}
