import type { Timer } from '../../clock.js'
import type { Follower } from '../store.js'
import type { GuardedConnection } from './connection.js'
import { decodeMessage } from './content.js'
import { unavailable } from './failures.js'
import type { RedisNamespace } from './namespace.js'
import { Subscriber, type SubscriberSettings } from './subscriber.js'

export interface FeedSettings extends SubscriberSettings {
  /** Without a word for this long, the feed is asked whether it still hears (D7). */
  readonly probeMs: number
  /** Told to others with what this node says, so that it does not hear itself. */
  readonly node: string
  /** Publishes the last number down the channel. */
  readonly ask: (namespace: RedisNamespace) => Promise<unknown>
}

/** One followed namespace. */
interface Channel {
  readonly namespace: RedisNamespace
  /** Each in an object of its own: who follows twice is told twice. */
  readonly followers: Set<{ readonly follower: Follower }>
  /** Subscribed on the present connection. */
  up: boolean
  heardMs: number
  /** When a probe was sent that has not come back. */
  probedMs: number | null
  waiting: { readonly resolve: () => void; readonly reject: (error: Error) => void }[]
}

/**
 * What this node hears of its namespaces: one channel for each that has followers, all on one connection. After every break
 * the followers are told at once, and told where it goes on once it does.
 */
export class Feed {
  readonly #settings: FeedSettings
  readonly #subscriber: Subscriber
  readonly #channels = new Map<string, Channel>()
  #tick: Timer | null = null

  constructor(settings: FeedSettings) {
    this.#settings = settings
    const channels = this.#channels
    this.#subscriber = new Subscriber(settings, {
      message: (channel, text) => this.#heard(channel, text),
      up: (connection) => {
        for (const channel of channels.values()) void this.#subscribe(connection, channel)
      },
      down: (reason, wasUp) => this.#down(reason, wasUp),
      get wanted() {
        return channels.size > 0
      },
    })
  }

  /** Hears the namespace from some moment before the promise resolves on, until the returned function is called. */
  async join(namespace: RedisNamespace, follower: Follower): Promise<() => void> {
    const channel = this.#channelOf(namespace)
    const entry = { follower }
    channel.followers.add(entry)
    const leave = (): void => {
      if (channel.followers.delete(entry) && channel.followers.size === 0) this.#release(channel)
    }
    try {
      if (!channel.up) await new Promise<void>((resolve, reject) => channel.waiting.push({ resolve, reject }))
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
    this.#subscriber.drop(reason)
  }

  follows(namespace: RedisNamespace): boolean {
    return this.#channels.has(namespace.channel)
  }

  close(): void {
    this.#tick?.cancel()
    for (const { waiting } of this.#channels.values()) {
      for (const { reject } of waiting.splice(0)) reject(unavailable('The store is closed.'))
    }
    this.#channels.clear()
    this.#subscriber.close()
  }

  #channelOf(namespace: RedisNamespace): Channel {
    let channel = this.#channels.get(namespace.channel)
    if (!channel) {
      const heardMs = this.#settings.clock.monotonic()
      channel = { namespace, followers: new Set(), up: false, heardMs, probedMs: null, waiting: [] }
      this.#channels.set(namespace.channel, channel)
      const { connection } = this.#subscriber
      if (connection) void this.#subscribe(connection, channel)
      else this.#subscriber.start()
      this.#tick ??= this.#nextTick()
    }
    return channel
  }

  #release(channel: Channel): void {
    this.#channels.delete(channel.namespace.channel)
    channel.up = false
    // Commands keep their order, so a follower that comes now subscribes after this.
    this.#subscriber.connection?.unsubscribe(channel.namespace.channel).catch(() => {})
  }

  async #subscribe(connection: GuardedConnection, channel: Channel): Promise<void> {
    try {
      await connection.subscribe(channel.namespace.channel)
    } catch {
      // A connection that refuses to subscribe is of no use; the next one tries again.
      return connection.drop('Redis refused a subscription.')
    }
    if (connection !== this.#subscriber.connection || this.#channels.get(channel.namespace.channel) !== channel) return
    this.#subscriber.proved()
    channel.up = true
    channel.heardMs = this.#settings.clock.monotonic()
    channel.probedMs = null
    const waiting = channel.waiting.splice(0)
    for (const { resolve } of waiting) resolve()
    // Those who followed before the break are not whole until they hear where it goes on.
    if (channel.followers.size > waiting.length) this.#probe(channel).catch(() => {})
  }

  #down(reason: string, wasUp: boolean): void {
    for (const channel of this.#channels.values()) {
      channel.up = false
      channel.probedMs = null
      for (const { reject } of channel.waiting.splice(0)) reject(unavailable(reason))
      if (wasUp) for (const { follower } of channel.followers) follower.interrupted()
    }
  }

  #heard(name: string, text: string): void {
    const channel = this.#channels.get(name)
    const message = channel && decodeMessage(text)
    if (!channel || !message) return
    channel.heardMs = this.#settings.clock.monotonic()
    channel.probedMs = null
    if (message.kind === 'announced') {
      const last = message.announcements.at(-1)
      if (last) channel.namespace.hear(last.epoch, last.seq)
      for (const { follower } of channel.followers) follower.announced(message.announcements)
    } else if (message.kind === 'probed') {
      channel.namespace.hear(message.position.epoch, message.position.seq)
      for (const { follower } of channel.followers) follower.probed(message.position)
    } else if (message.from !== this.#settings.node) {
      for (const { follower } of channel.followers) follower.told?.(message.text)
    }
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
        return this.#subscriber.drop(`The feed did not echo a probe for ${commandTimeoutMs} ms.`)
      }
      if (channel.probedMs === null && nowMs - channel.heardMs >= probeMs) this.#probe(channel).catch(() => {})
    }
  }
}
