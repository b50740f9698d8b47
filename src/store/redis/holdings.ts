import { addKept } from '../add-kept.js'
import type { ResolvedStoreLimits } from '../retention.js'
import type { Holdings, Kept, KeptByAll } from '../store.js'
import { keptKey } from './keys.js'
import type { Link } from './link.js'
import type { RedisNamespace } from './namespace.js'
import type { Namespaces } from './namespaces.js'
import { list, RedisRefusal, type Reply, word } from './port.js'
import { scripts } from './scripts.js'
import type { Sweeps } from './sweeps.js'

/** What one node found lies there for the others for so long. */
const sharedForMs = 60_000

/**
 * What is kept, in numbers. Of one namespace: one call of a script, of a few lengths. Of all: a call each; so the sum is left
 * in Redis for the other nodes, and ten nodes that are scraped cost what one does.
 */
export class RedisHoldings implements Holdings {
  readonly #link: Link
  readonly #key: string
  readonly #namespaces: Namespaces
  readonly #sweeps: Sweeps
  readonly #limits: Pick<ResolvedStoreLimits, 'quotaBytes' | 'idWindow'>

  constructor(
    link: Link,
    prefix: string,
    parts: { readonly namespaces: Namespaces; readonly sweeps: Sweeps },
    limits: Pick<ResolvedStoreLimits, 'quotaBytes' | 'idWindow'>,
  ) {
    this.#link = link
    this.#key = keptKey(prefix)
    this.#namespaces = parts.namespaces
    this.#sweeps = parts.sweeps
    this.#limits = limits
  }

  of(namespace: string): Promise<Kept> {
    return this.#ask(this.#namespaces.find(namespace).namespace)
  }

  async ofAll({ maxAgeMs }: { readonly maxAgeMs: number }): Promise<KeptByAll> {
    const shared = maxAgeMs > 0 ? await this.#shared(maxAgeMs) : null
    if (shared) return shared
    const all = await this.#sweeps.kept((namespace) => this.#ask(namespace))
    const sum = addKept(all, this.#limits.idWindow.ageMs)
    // Where Redis is full, or takes no writes, every node asks for itself.
    await this.#link
      .send('SET', [this.#key, JSON.stringify(sum), 'PX', String(sharedForMs)])
      .catch((error: unknown) => {
        if (!(error instanceof RedisRefusal)) throw error
      })
    return sum
  }

  /** Its age by what is left of its life, which is Redis's own clock. */
  async #shared(maxAgeMs: number): Promise<KeptByAll | null> {
    const [left, found] = await Promise.all([this.#link.send('PTTL', [this.#key]), this.#link.send('GET', [this.#key])])
    return word(found) !== '' && sharedForMs - Number(left) <= maxAgeMs ? (JSON.parse(word(found)) as KeptByAll) : null
  }

  async #ask(namespace: RedisNamespace): Promise<Kept> {
    const { idWindow, quotaBytes } = this.#limits
    const reply = list(await namespace.run(scripts.kept, [idWindow.ageMs]))
    const [events, topics, bytes, leases, deadlines, ids, idWindowMs] = reply.slice(0, 7).map(Number) as Figures
    const quotaShare = bytes / quotaBytes
    return {
      events,
      topics,
      bytes,
      quotaShare,
      leases,
      deadlines,
      ids,
      idWindowMs,
      labels: decodeLabels(list(reply[7])),
    }
  }
}

type Figures = [number, number, number, number, number, number, number]

function decodeLabels(pairs: readonly Reply[]): Record<string, number> {
  const labels: Record<string, number> = {}
  for (let at = 0; at < pairs.length; at += 2) labels[word(pairs[at])] = Number(pairs[at + 1])
  return labels
}
