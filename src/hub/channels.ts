import type { Store } from '../store/store.js'
import { Channel } from './channel.js'

/** The channels of the namespaces that have readers on this node: each is kept while somebody holds it. */
export class Channels {
  readonly #store: Store
  readonly #ringBytes: number
  readonly #held = new Map<string, { readonly opening: Promise<Channel>; holders: number }>()

  constructor(store: Store, ringBytes: number) {
    this.#store = store
    this.#ringBytes = ringBytes
  }

  /** The channel, with its feed running. Each hold is to be released once. */
  async hold(namespace: string): Promise<Channel> {
    const held = this.#held.get(namespace) ?? {
      opening: Channel.open(namespace, this.#store, this.#ringBytes),
      holders: 0,
    }
    held.holders++
    this.#held.set(namespace, held)
    try {
      return await held.opening
    } catch (error) {
      this.release(namespace)
      throw error
    }
  }

  /** With the last holder the feed of the namespace stops. */
  release(namespace: string): void {
    const held = this.#held.get(namespace)
    if (!held || --held.holders > 0) return
    this.#held.delete(namespace)
    held.opening.then((channel) => channel.close()).catch(() => {})
  }

  /** The channel where there is one. */
  async get(namespace: string): Promise<Channel | undefined> {
    return this.#held.get(namespace)?.opening
  }

  async close(): Promise<void> {
    const opening = [...this.#held.values()].map((held) => held.opening)
    this.#held.clear()
    for (const channel of await Promise.allSettled(opening)) if (channel.status === 'fulfilled') channel.value.close()
  }
}
