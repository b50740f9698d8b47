import type { TidingsError } from '../../errors.js'
import type { DueState, Kept } from '../store.js'
import { decodeState } from './append-request.js'
import { failure } from './failures.js'
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
  /** What was last said of those that failed, until they work again. */
  readonly #failing = new Map<string, string>()

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

  /** What each keeps, in numbers. */
  async kept(keptOf: (namespace: RedisNamespace) => Promise<Kept>): Promise<readonly Kept[]> {
    const all: Kept[] = []
    await this.#each(async (namespace) => void all.push(await keptOf(namespace)))
    return all
  }

  /** Those that fail do not keep the others. Throws only where Redis is away or nothing at all could be asked. */
  async #each(sweep: (namespace: RedisNamespace) => Promise<void>): Promise<void> {
    const names = list(await this.#link.send('SMEMBERS', [namespacesKey(this.#settings.prefix)])).map(word)
    const failures: TidingsError[] = []
    for (let from = 0; from < names.length; from += abreast) {
      const some = names.slice(from, from + abreast)
      const ends = await Promise.allSettled(some.map(async (name) => sweep(this.#namespaces.find(name).namespace)))
      for (const [at, end] of ends.entries()) {
        const name = some[at] as string
        if (end.status === 'fulfilled') this.#failing.delete(name)
        else failures.push(this.#report(name, failure(end.reason, false)))
      }
      const away = failures.find(({ code }) => code === 'store_unavailable' || code === 'closed')
      if (away) throw away
    }
    const [first] = failures
    if (first && failures.length === names.length && first.code !== 'store_newer') throw first
  }

  /** Once, and again when it is something else: sweeps come every second. */
  #report(namespace: string, wrong: TidingsError): TidingsError {
    if (wrong.code === 'store_unavailable' || wrong.code === 'closed') return wrong
    if (this.#failing.get(namespace) === wrong.message) return wrong
    this.#failing.set(namespace, wrong.message)
    const error = new Error(`Deadlines and retention of namespace "${namespace}" are held up: ${wrong.message}`)
    error.cause = wrong
    this.#settings.onDamage(error)
    return wrong
  }
}
