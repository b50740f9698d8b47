import { addKept } from '../add-kept.js'
import type { ResolvedStoreLimits } from '../retention.js'
import type { Kept, KeptByAll } from '../store.js'
import type { Database } from './driver.js'
import type { Ids } from './ids.js'
import type { Ledger, NamespaceRecord } from './ledger.js'
import type { States } from './states.js'

/** What is kept, in numbers that stand in the rows of namespaces: a look at none of what they count. */
export class SqliteHoldings {
  readonly #ledger: Ledger
  readonly #ids: Ids
  readonly #states: States
  readonly #limits: ResolvedStoreLimits
  readonly #names

  constructor(
    database: Database,
    parts: { readonly ledger: Ledger; readonly ids: Ids; readonly states: States },
    limits: ResolvedStoreLimits,
  ) {
    this.#ledger = parts.ledger
    this.#ids = parts.ids
    this.#states = parts.states
    this.#limits = limits
    this.#names = database.prepare('SELECT name FROM namespaces')
  }

  of(namespace: NamespaceRecord, steadyMs: number): Kept {
    const { events, topics, bytes } = namespace
    return {
      ...{ events, topics, bytes },
      quotaShare: bytes / this.#limits.quotaBytes,
      ...this.#states.counted(namespace),
      ids: this.#ids.window(namespace, steadyMs).ids,
      idWindowMs: this.#ids.recognisedMs(namespace, steadyMs),
    }
  }

  ofAll(steadyMs: number): KeptByAll {
    const names = (this.#names.all() as { name: string }[]).map(({ name }) => name)
    const all = names.map((name) => this.of(this.#ledger.namespace(name), steadyMs))
    return addKept(all, this.#limits.idWindow.ageMs)
  }
}
