import type { DueState } from '../store.js'
import { decodeState } from './append-request.js'
import { namespacesKey } from './keys.js'
import type { Link, LinkSettings } from './link.js'
import type { RedisNamespace } from './namespace.js'
import type { Namespaces } from './namespaces.js'
import { list, word } from './port.js'
import { scripts } from './scripts.js'

/** How many namespaces are asked at once. */
const abreast = 32
/** Topics looked at in one go, so that no call holds the server for long. */
const portion = 100

/** What is done for all namespaces of the prefix, also those that only other nodes use. */
export class Sweeps {
  readonly #link: Link
  readonly #settings: LinkSettings
  readonly #namespaces: Namespaces

  constructor(link: Link, settings: LinkSettings, namespaces: Namespaces) {
    this.#link = link
    this.#settings = settings
    this.#namespaces = namespaces
  }

  async due(limit: number, pauseMs: number): Promise<readonly DueState[]> {
    const found: { readonly dueMs: number; readonly state: DueState }[] = []
    await this.#each(async (namespace) => {
      for (const one of list(await namespace.run(scripts.due, [limit, pauseMs]))) {
        const [dueMs, ...rest] = list(one)
        const overdue = decodeState(rest)
        if (overdue) found.push({ dueMs: Number(dueMs), state: { namespace: namespace.name, ...overdue } })
      }
    })
    found.sort((one, other) => one.dueMs - other.dueMs)
    return found.slice(0, limit).map(({ state }) => state)
  }

  async maintain(limits: readonly number[]): Promise<void> {
    await this.#each(async (namespace) => {
      while (Number(await namespace.run(scripts.maintain, [...limits, portion])) === portion);
    })
  }

  /** One that fails does not keep the others; the first failure is thrown at the end. */
  async #each(sweep: (namespace: RedisNamespace) => Promise<void>): Promise<void> {
    const names = list(await this.#link.send('SMEMBERS', [namespacesKey(this.#settings.prefix)])).map(word)
    let failed: PromiseRejectedResult | undefined
    for (let from = 0; from < names.length; from += abreast) {
      const some = names.slice(from, from + abreast)
      const ends = await Promise.allSettled(some.map(async (name) => sweep(this.#namespaces.find(name).namespace)))
      failed ??= ends.find((end) => end.status === 'rejected')
    }
    if (failed && failed.reason?.code !== 'store_newer') throw failed.reason
    if (failed) this.#settings.onError(failed.reason as Error)
  }
}
