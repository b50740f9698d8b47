import { Channel, type ChannelParts } from './channel.js'

/** The channels of the namespaces that have readers on this node: each is kept while somebody holds it. */
export class Channels {
  readonly #parts: ChannelParts
  readonly #held = new Map<string, { readonly channel: Channel; holders: number }>()

  constructor(parts: ChannelParts) {
    this.#parts = parts
  }

  get size(): number {
    return this.#held.size
  }

  /** The channel, whose feed may have to be begun. Each hold is to be released once. */
  hold(namespace: string): Channel {
    const held = this.#held.get(namespace) ?? { channel: new Channel(namespace, this.#parts), holders: 0 }
    held.holders++
    this.#held.set(namespace, held)
    return held.channel
  }

  /** With the last holder the feed of the namespace stops. */
  release(namespace: string): void {
    const held = this.#held.get(namespace)
    if (!held || --held.holders > 0) return
    this.#held.delete(namespace)
    held.channel.close()
  }

  /** The channel where there is one. */
  find(namespace: string): Channel | undefined {
    return this.#held.get(namespace)?.channel
  }

  /** The store is back: every feed runs or has been asked where it goes on. */
  async recover(): Promise<void> {
    await Promise.allSettled([...this.#held.values()].map(({ channel }) => channel.recover()))
  }

  close(): void {
    for (const { channel } of this.#held.values()) channel.close()
    this.#held.clear()
  }
}
