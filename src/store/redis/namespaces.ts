import type { TidingsError } from '../../errors.js'
import { Appender } from './appender.js'
import type { Link, LinkSettings } from './link.js'
import { RedisNamespace } from './namespace.js'

export interface Known {
  readonly namespace: RedisNamespace
  readonly appender: Appender
}

/** More are let go of, oldest first, where nobody uses them now: what a node knows of one it can learn again. */
const mostIdle = 10_000

/** The namespaces that this node has had to do with. */
export class Namespaces {
  readonly #link: Link
  readonly #settings: LinkSettings
  readonly #limits: readonly string[]
  readonly #quotaBytes: number
  readonly #isFollowed: (namespace: RedisNamespace) => boolean
  readonly #known = new Map<string, Known>()

  constructor(
    link: Link,
    settings: LinkSettings,
    appends: { readonly limits: readonly string[]; readonly quotaBytes: number },
    isFollowed: (namespace: RedisNamespace) => boolean,
  ) {
    this.#link = link
    this.#settings = settings
    this.#limits = appends.limits
    this.#quotaBytes = appends.quotaBytes
    this.#isFollowed = isFollowed
  }

  /** Throws `store_unavailable` while Redis is away. */
  find(name: string): Known {
    if (!this.#link.available) throw this.#link.refusal()
    let found = this.#known.get(name)
    if (!found) {
      if (this.#known.size >= mostIdle) this.#letGo()
      const namespace = new RedisNamespace(name, this.#link, this.#settings)
      found = { namespace, appender: new Appender(namespace, this.#link, this.#limits, this.#quotaBytes) }
      this.#known.set(name, found)
    }
    return found
  }

  /** Another connection, perhaps to another server: each is fenced before it is used again. */
  forgetFences(): void {
    for (const { namespace } of this.#known.values()) namespace.forgetFence()
  }

  /** What waits to be sent is not going to be. */
  refuseWaiting(refusal: TidingsError): void {
    for (const { appender } of this.#known.values()) appender.away(refusal)
  }

  async settled(): Promise<void> {
    await Promise.all([...this.#known.values()].map(({ appender }) => appender.settled()))
  }

  #letGo(): void {
    for (const [name, { namespace, appender }] of this.#known) {
      if (appender.busy || this.#isFollowed(namespace)) continue
      this.#known.delete(name)
      if (this.#known.size < mostIdle) return
    }
  }
}
